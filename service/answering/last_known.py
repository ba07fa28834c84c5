"""Answers go on while the graph store is out of reach: with the items as they were last known."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from graph.errors import GraphError, RetryableStoreError, StoreUnavailable
from graph.store import GraphStore
from service.answering.shop_lookup import CARD_FIELDS, FoundItems, LiveItem, StoreLookup
from service.releases.items import ReleaseItems

logger = logging.getLogger(__name__)

STORE_OUT_OF_REACH = "the graph store is out of reach: items are shown as they were last known"
RETRY_SECONDS = 1.0
CLOSE_SECONDS = 2.0
"""How long the end waits for a question that is under way; opening a store that just starts takes minutes."""


class LastKnownShop:
    """`ShopLookup` over a store that may be out of reach for a while.

    The first request that meets this waits for the store's own time limit; from then on nobody asks the store
    but a thread of ours, until it answers. Meanwhile an item is what the served release (with what was folded
    into it) says, and what was deleted before stays gone: deletions are kept in the home as well, and while
    the store is away none is acknowledged. Histories are known to the store alone: asking for one raises
    `StoreUnavailable`.
    """

    def __init__(
        self,
        store: GraphStore,
        known: Callable[[], ReleaseItems],
        deleted: Callable[[Sequence[str]], set[str]],
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        """known: the items of what serves. deleted: those of some ids that were deleted and did not come
        back."""
        self._store = store
        self._lookup = StoreLookup(store)
        self._known = known
        self._deleted = deleted
        self._retry_seconds = retry_seconds
        self._lock = threading.Lock()
        self._away = threading.Event()
        self._closing = threading.Event()
        self._watch: threading.Thread | None = None
        self._opened = True
        self._told = ""
        """What the watch complained of last."""

    def open(self) -> None:
        """Ensure the store's schema, and that it is the home's; a store that is away, or in which others
        always come first, is asked for that before it is taken for one that answers. Raises what else it
        refuses (`SchemaMismatch`, another's graph)."""
        self._opened = False
        try:
            self._store.ensure_schema()
        except RetryableStoreError as error:
            self._wait_for_store(error)
        else:
            self._opened = True

    def items(self, item_ids: Sequence[str]) -> FoundItems:
        """See `ShopLookup.items`."""
        if not self._away.is_set():
            try:
                return self._lookup.items(item_ids)
            except StoreUnavailable as error:
                self._wait_for_store(error)
        return FoundItems(self._last_known(item_ids), STORE_OUT_OF_REACH)

    def history_of(self, user_id: str, limit: int) -> list[str] | None:
        """See `ShopLookup.history_of`."""
        self.reached()
        try:
            return self._lookup.history_of(user_id, limit)
        except StoreUnavailable as error:
            self._wait_for_store(error)
            raise

    def reached(self) -> None:
        """Raise `StoreUnavailable` at once while the store is known to be out of reach: whoever asks it then
        waits in a thread that those need who can be answered."""
        if self._away.is_set():
            raise StoreUnavailable("the graph store is out of reach")

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask the store within the block: raises at once while it is known to be away, and lets the others
        know where it turns out to be. The error does not say where the store is: callers may be strangers."""
        self.reached()
        try:
            yield
        except StoreUnavailable as error:
            self._wait_for_store(error)
            raise StoreUnavailable("the graph store is out of reach") from error

    def close(self) -> None:
        """End the thread, within `CLOSE_SECONDS`: where the store is still asked by then, the thread ends
        with that question, or with the process. Idempotent."""
        self._closing.set()
        if self._watch is not None:
            self._watch.join(CLOSE_SECONDS)

    def _last_known(self, item_ids: Sequence[str]) -> dict[str, LiveItem]:
        items = self._known()
        rows = items.indices_of(list(item_ids))
        living = rows[items.alive[rows]]
        gone = self._deleted(item_ids)
        return {
            card["item_id"]: LiveItem({name: card[name] for name in CARD_FIELDS})
            for card in items.cards(living)
            if card["item_id"] not in gone
        }

    def _wait_for_store(self, error: RetryableStoreError) -> None:
        with self._lock:
            if self._away.is_set() or self._closing.is_set():
                return
            logger.warning("%s (%s)", STORE_OUT_OF_REACH, error)
            self._away.set()
            self._watch = threading.Thread(target=self._watch_store, name="store-watch", daemon=True)
            self._watch.start()

    def _watch_store(self) -> None:
        while not self._closing.wait(self._retry_seconds):
            if self._answers() and not self._closing.is_set():
                logger.warning("the graph store answers again")
                self._away.clear()
                return

    def _answers(self) -> bool:
        try:
            if not self._opened:
                self._store.ensure_schema()
                self._opened = True
            return self._store.health().ok
        except RetryableStoreError:
            return False
        except GraphError as error:  # its place is somebody else's by now; told once
            if str(error) != self._told:
                logger.error("the graph store is not used: %s", error)  # noqa: TRY400 - one line says it
            self._told = str(error)
            return False
        except Exception:  # else nobody would ever look again
            if not self._closing.is_set():  # by then the store may be closed under us
                logger.exception("asking the graph store failed")
            return False
