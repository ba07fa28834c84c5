"""What the home holds of one user: handing it out, and erasing it with a receipt."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from graph.errors import NotFound
from graph.log import EventLog
from graph.store import GraphStore
from service.answering.answer import UnknownUser
from service.catch_up import catch_up
from service.intake.quarantine_erasure import blank_excerpts

_SHOWN = (
    "seq", "event_id", "item_id", "event_type", "at", "rating", "review_text", "quantity", "value", "helpful",
)  # fmt: skip


@dataclass(frozen=True)
class Remainder:
    """Something that an erasure cannot or must not remove."""

    where: str
    what: str
    until: str


@dataclass(frozen=True)
class Receipt:
    """What erasing a user removed, place by place, and what is still kept."""

    user_id: str
    erased_at: str
    """ISO 8601, UTC."""
    events_removed: int
    """In the event log."""
    places: dict[str, int]
    """Place -> rows removed or blanked there; 0: looked at, nothing of the user can be there."""
    remains: list[Remainder]


class UserData:
    """Reads and erases users in event log, graph store and files of one home."""

    def __init__(
        self,
        log: EventLog,
        store: GraphStore,
        quarantine: Path | None = None,
        writing: Callable[[], AbstractContextManager[None]] = nullcontext,
        left_on_disk: Callable[[], list[Remainder]] = list,
        erased: Callable[[], None] = lambda: None,
        forget_texts: Callable[[list[str]], int] = lambda texts: 0,
        asking: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        """quarantine: folder of rejected rows. writing: the home's write lock (`HomeBusy`): a load under way
        could bring the user back. left_on_disk: what deleting could not remove from the disk yet. erased:
        called after an erasure: what was summed up over all users has to be made anew. forget_texts: takes
        the vectors of review texts out of the text cache, returns how many. asking: around each question to
        the store (`LastKnownShop.asking`); raises `StoreUnavailable` at once while it is known to be away."""
        self._asking = asking
        self._forget_texts = forget_texts
        self._log = log
        self._store = store
        self._quarantine = quarantine
        self._writing = writing
        self._left_on_disk = left_on_disk
        self._erased = erased

    def export(self, user_id: str) -> dict[str, Any]:
        """Every event of a user, oldest sequence number first. Raises `UnknownUser`, and `StoreUnavailable`
        where the log has none and the store cannot tell whether there is such a user.

        Reads the whole log, batch by batch: seconds per million events.
        """
        events = [row for batch in self._batches_of(user_id) for row in batch.iter_rows(named=True)]
        if not events and not self._in_store(user_id):
            raise UnknownUser(f"no user {user_id!r}")
        for event in events:
            event["timestamp"] = event.pop("at")
        return {"user_id": user_id, "exported_at": _now(), "events": events}

    def erase(self, user_id: str) -> Receipt:
        """Erase a user everywhere. Raises `UnknownUser`, `HomeBusy`.

        The log comes first, then the graph is brought up to it, then the user leaves the graph: whoever still
        holds a batch that was read from the log before finds it applied, and so cannot bring the user back.
        Safe to interrupt: the same call again ends the work.
        """
        with self._writing():
            in_store = self._in_store(user_id)
            reviews = [text for batch in self._batches_of(user_id) for text in batch["review_text"] if text]
            # before the log: it is the only place that still knows the words when this is interrupted
            forgotten = self._forget_texts(reviews) if reviews else 0
            in_log = self._log.erase_user(user_id)
            if not in_log and not in_store:
                raise UnknownUser(f"no user {user_id!r}")
            places = {"event log": in_log}
            catch_up(self._log, self._store)
            places |= self._erase_from_store(user_id)
            self._erased()
            places["quarantine"] = blank_excerpts(self._quarantine) if self._quarantine else 0
            # once more: who read the reviews before they were erased may have encoded them meanwhile
            places["text cache"] = forgotten + (self._forget_texts(reviews) if reviews else 0)
            places |= {"releases": 0, "fresh rows": 0, "metrics and logs": 0}
            return Receipt(user_id, _now(), in_log, places, self._remains())

    def _erase_from_store(self, user_id: str) -> dict[str, int]:
        try:
            return dict(self._store.delete_user(user_id).places)
        except NotFound:
            return {}

    def _in_store(self, user_id: str) -> bool:
        try:
            with self._asking():
                self._store.user_index(user_id)
        except NotFound:
            return False
        return True

    def _batches_of(self, user_id: str) -> Iterator[pl.DataFrame]:
        for batch in self._log.batches(0):
            yield batch.filter(pl.col("user_id") == user_id, ~pl.col("anonymous")).select(_SHOWN)

    def _remains(self) -> list[Remainder]:
        return [
            Remainder(
                "event log",
                "of each erased event a one-way digest of its id, its sequence number, type and time, but "
                "neither user nor item, so that loading an old file does not bring the user back",
                "as long as the event log",
            ),
            Remainder(
                "releases made before",
                "sums over all users (counts, embeddings, vectors of items' texts with reviews) in which the "
                "user's events and words had a part; no id, no text, no row of the user; a running updater "
                "takes their part out of the answers at once",
                "the next refresh; releases kept for rollback: until they are removed",
            ),
            Remainder(
                "outside of this home",
                "the files that events were loaded from, and backups",
                "the shop removes them",
            ),
            *self._left_on_disk(),
        ]


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
