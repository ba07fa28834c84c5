"""Editors' rules as they apply to one answer: people decide in the end."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class RuleKind(StrEnum):
    """What a rule does with its item."""

    PIN = "pin"
    """Stands first."""
    BAN = "ban"
    """Is not shown."""
    ALWAYS_WITH = "always_with"
    """Is shown in any case, in the last place where it would not be otherwise."""


class RuleScope(StrEnum):
    """In which answers a rule holds."""

    ITEM = "item"
    """Those about one item: its similar items, and baskets or visits that hold it."""
    CATEGORY = "category"
    """Those about an item of a category or below it, and those that ask for it as a condition."""
    EVERYWHERE = "everywhere"
    """All, users' recommendations and searches among them."""


@dataclass(frozen=True)
class AppliedRules:
    """The rules that hold for one answer."""

    pinned: tuple[str, ...] = ()
    """Item ids, first place first."""
    banned: frozenset[str] = frozenset()
    always: tuple[str, ...] = ()


NO_RULES = AppliedRules()


class Rules(Protocol):
    """Where answering asks for rules; safe from many threads."""

    def for_answer(self, item_ids: Sequence[str], categories: Sequence[str]) -> AppliedRules:
        """What holds for an answer about these items and categories (paths); bans win over pins."""
