"""What is answered: items, best first, and how fresh they are."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from gnn.served_model import Source
from service.errors import CallerMistake
from service.releases.holder import Serving

MAX_K = 1000


class UnknownItem(CallerMistake):
    """Neither the release nor the store knows the item, or it was deleted."""


class UnknownUser(CallerMistake):
    """The store knows no such user."""


class Fallback(StrEnum):
    """Why an answer does not rest on the query itself."""

    ITEM_NOT_IN_RELEASE = "item_not_in_release"
    """The store knows the item, the release not yet, and it has no text that can be compared: what trends, in
    its category where that suffices."""
    NO_HISTORY = "no_history"
    """The release knows no item of the history: what trends."""


@dataclass(frozen=True)
class AnswerItem:
    """One returned item."""

    item_id: str
    score: float
    """Higher is better; comparable within one answer only."""
    source: Source
    card: dict[str, Any]
    """`title`, `brand`, `categories`, `price`, `currency`, `availability`, `image_url`."""
    why: dict[str, float] | None = None
    """What the score is made of, where that was asked for: the parts add up to it."""
    rule: str | None = None
    """The editors' rule that put the item here; None: its score did."""

    def to_json(self) -> dict[str, Any]:
        """As in an HTTP answer; `why` and `rule` only where there is one."""
        shown = {"item_id": self.item_id, "score": self.score, "source": self.source, **self.card}
        if self.why is not None:
            shown["why"] = self.why
        if self.rule is not None:
            shown["rule"] = self.rule
        return shown


@dataclass(frozen=True)
class Answer:
    """Items, best first, and how fresh they are."""

    results: list[AnswerItem]
    model_version: str
    index_version: str
    events_through: int
    """Sequence number of the newest event that counts in this answer."""
    fallback: Fallback | None = None
    release_fallback: str | None = None
    """Why an older release answers than the one that should; None: the right one does."""
    store_fallback: str | None = None
    """Why items are shown as they were last known; None: they are as the store has them now."""

    @property
    def recommendation_id(self) -> str:
        """Names what is shown: the same items from the same index have the same one, for whomever."""
        shown = "\0".join([self.index_version, *(item.item_id for item in self.results)])
        return blake2b(shown.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()

    @property
    def freshness(self) -> dict[str, Any]:
        """What an answer without items says of itself."""
        return {
            "model_version": self.model_version,
            "index_version": self.index_version,
            "events_through": self.events_through,
            "fallback": self.fallback.value if self.fallback else None,
            "release_fallback": self.release_fallback,
            "store_fallback": self.store_fallback,
        }

    def to_json(self, **asked: str) -> dict[str, Any]:
        """As in an HTTP answer. asked: what the answer is for, such as `item_id=...`."""
        return {
            **asked,
            "results": [item.to_json() for item in self.results],
            "recommendation_id": self.recommendation_id,
            **self.freshness,
        }


def answer_of(
    serving: Serving,
    results: list[AnswerItem],
    fallback: Fallback | None = None,
    store_fallback: str | None = None,
) -> Answer:
    """Results with the freshness of what they came from."""
    return Answer(
        results=results,
        model_version=serving.release.version,
        index_version=serving.index_version,
        events_through=serving.events_through,
        fallback=fallback,
        release_fallback=serving.fallback_reason,
        store_fallback=store_fallback,
    )


def check_k(k: int) -> None:
    """Raise `CallerMistake` unless 1 <= k <= 1000."""
    if not 1 <= k <= MAX_K:
        raise CallerMistake(f"k must lie between 1 and {MAX_K}, not {k}")
