"""The editors' rules of a shop and the audit trail of what people decided: one SQLite file."""

import json
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from graph.frames import CATEGORY_SEPARATOR
from graph.sqlite_file import SqliteFile, SqliteSchema
from service.answering.editors_rules import AppliedRules, RuleKind, RuleScope
from service.errors import CallerMistake

RULES_SCHEMA = SqliteSchema(
    application_id=0x496C6B52,
    version=1,
    tables="""
    CREATE TABLE rules (
        rule_id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT NOT NULL, item_id TEXT NOT NULL,
        scope TEXT NOT NULL, target TEXT NOT NULL, place INTEGER NOT NULL, author TEXT NOT NULL,
        reason TEXT NOT NULL, created_at REAL NOT NULL, expires_at REAL, ended_at REAL, ended_by TEXT) STRICT;
    CREATE TABLE audit (
        entry INTEGER PRIMARY KEY AUTOINCREMENT, at REAL NOT NULL, actor TEXT NOT NULL,
        key_name TEXT NOT NULL, action TEXT NOT NULL, detail TEXT NOT NULL) STRICT;
    CREATE TABLE state (revision INTEGER NOT NULL) STRICT;
    INSERT INTO state VALUES (0);
    """,
)


class UnknownRule(CallerMistake):
    """There is no such rule, or it has ended."""


class ExpiredRule(CallerMistake):
    """A rule that is to be added would hold no more."""


@dataclass(frozen=True)
class Rule:
    """What an editor decided about one item. Raises `CallerMistake` where the parts do not fit together."""

    kind: RuleKind
    item_id: str
    """The item that is pinned, banned or always shown."""
    scope: RuleScope
    author: str
    reason: str
    target: str = ""
    """Of scope item: the item that answers are about; of scope category: its path; else ""."""
    place: int = 1
    """Order among pins, the smallest first."""
    expires_at: float | None = None
    """Unix time from which it holds no more; None: until it is ended."""
    rule_id: int = 0
    created_at: float = 0.0
    ended_at: float | None = None
    ended_by: str | None = None

    def __post_init__(self) -> None:
        if (self.scope is RuleScope.EVERYWHERE) != (not self.target):
            raise CallerMistake("a rule has a target (an item id or a category) unless it holds everywhere")

    def holds(self, now: float) -> bool:
        """Whether it has neither ended nor expired."""
        return self.ended_at is None and (self.expires_at is None or self.expires_at > now)


@dataclass(frozen=True)
class AuditEntry:
    """One decision of a person."""

    at: float
    """Unix time."""
    actor: str
    """As the caller named themselves."""
    key_name: str
    """Name of the API key that was used; never the key."""
    action: str
    detail: dict[str, Any]


class RuleBook:
    """Implements `editors_rules.Rules`; a rule holds in every process from its next answer on."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._file = SqliteFile(path, RULES_SCHEMA)
        self._file.create()
        self._clock = clock
        self._lock = threading.Lock()
        self._cached: tuple[int, tuple[Rule, ...]] = (-1, ())

    def add(self, rule: Rule, key_name: str = "") -> Rule:
        """Let a rule hold from now on; returns it with its number. Raises `ExpiredRule`."""
        now = self._clock()
        if rule.expires_at is not None and rule.expires_at <= now:
            raise ExpiredRule("expires_at lies in the past")
        values = (rule.kind, rule.item_id, rule.scope, rule.target, rule.place, rule.author, rule.reason)
        with self._file.writing() as connection:
            connection.execute(
                "INSERT INTO rules (kind, item_id, scope, target, place, author, reason, created_at, "
                "expires_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*map(_plain, values), now, rule.expires_at),
            )
            made = replace(rule, rule_id=connection.last_insert_rowid(), created_at=now)
            connection.execute("UPDATE state SET revision = revision + 1")
            self._note(connection, AuditEntry(now, rule.author, key_name, "rule-added", asdict(made)))
        return made

    def end(self, rule_id: int, actor: str, key_name: str = "") -> None:
        """Let a rule hold no more; it stays in the book. Raises `UnknownRule`."""
        now = self._clock()
        with self._file.writing() as connection:
            connection.execute(
                "UPDATE rules SET ended_at = ?, ended_by = ? WHERE rule_id = ? AND ended_at IS NULL",
                (now, actor, rule_id),
            )
            if not connection.changes():
                raise UnknownRule(f"no rule {rule_id}, or it has ended")
            connection.execute("UPDATE state SET revision = revision + 1")
            self._note(connection, AuditEntry(now, actor, key_name, "rule-ended", {"rule_id": rule_id}))

    def note(self, actor: str, key_name: str, action: str, detail: dict[str, Any]) -> None:
        """Write down another decision of a person."""
        with self._file.writing() as connection:
            self._note(connection, AuditEntry(self._clock(), actor, key_name, action, detail))

    def rules(self, *, ended: bool = False) -> list[Rule]:
        """Rules that hold, or all there ever were; the oldest first."""
        now = self._clock()
        return [rule for rule in self._all() if ended or rule.holds(now)]

    def audit(self, limit: int = 100) -> list[AuditEntry]:
        """The newest decisions, newest first."""
        query = "SELECT at, actor, key_name, action, detail FROM audit ORDER BY entry DESC LIMIT ?"
        with self._file.reading() as connection:
            rows: list[Any] = connection.execute(query, (limit,)).fetchall()
        return [
            AuditEntry(at, actor, name, action, json.loads(text)) for at, actor, name, action, text in rows
        ]

    def for_answer(self, item_ids: Sequence[str], categories: Sequence[str]) -> AppliedRules:
        """See `editors_rules.Rules.for_answer`."""
        known = self._all()
        if not known:
            return AppliedRules()
        now = self._clock()
        items, paths = set(item_ids), {above for path in categories for above in _above(path)}
        found = sorted(
            (rule for rule in known if rule.holds(now) and _concerns(rule, items, paths)),
            key=lambda rule: (rule.place, _NARROW[rule.scope], rule.rule_id),
        )
        banned = frozenset(rule.item_id for rule in found if rule.kind is RuleKind.BAN)
        return AppliedRules(
            pinned=_of(found, RuleKind.PIN, banned),
            banned=banned,
            always=_of(found, RuleKind.ALWAYS_WITH, banned),
        )

    def close(self) -> None:
        """Close the file; idempotent."""
        self._file.close()

    def _all(self) -> tuple[Rule, ...]:
        """All rules, read anew only when one was changed, by any process."""
        with self._file.reading() as connection:
            revision = int(connection.execute("SELECT revision FROM state").get or 0)
            if revision == self._cached[0]:
                return self._cached[1]
            rows: list[Any] = connection.execute(
                "SELECT kind, item_id, scope, author, reason, target, place, expires_at, rule_id, "
                "created_at, ended_at, ended_by FROM rules ORDER BY rule_id"
            ).fetchall()
        rules = tuple(Rule(RuleKind(row[0]), row[1], RuleScope(row[2]), *row[3:]) for row in rows)
        with self._lock:
            if revision > self._cached[0]:
                self._cached = (revision, rules)
        return rules

    def _note(self, connection: Any, entry: AuditEntry) -> None:
        detail = json.dumps(entry.detail, ensure_ascii=False)
        connection.execute(
            "INSERT INTO audit (at, actor, key_name, action, detail) VALUES (?, ?, ?, ?, ?)",
            (entry.at, entry.actor, entry.key_name, entry.action, detail),
        )


_NARROW = {RuleScope.ITEM: 0, RuleScope.CATEGORY: 1, RuleScope.EVERYWHERE: 2}


def _above(path: str) -> list[str]:
    """A category's path and all above it."""
    names = path.split(CATEGORY_SEPARATOR)
    return [CATEGORY_SEPARATOR.join(names[:depth]) for depth in range(1, len(names) + 1)]


def _concerns(rule: Rule, items: set[str], paths: set[str]) -> bool:
    if rule.scope is RuleScope.EVERYWHERE:
        return True
    return rule.target in (items if rule.scope is RuleScope.ITEM else paths)


def _of(rules: Iterable[Rule], kind: RuleKind, banned: frozenset[str]) -> tuple[str, ...]:
    ids = (rule.item_id for rule in rules if rule.kind is kind and rule.item_id not in banned)
    return tuple(dict.fromkeys(ids))


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value
