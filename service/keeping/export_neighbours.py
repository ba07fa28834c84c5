"""Neighbour lists of the current release as rows."""

from collections.abc import Callable, Iterator, Sequence

import polars as pl

from gnn.objective import Objective
from graph.store import GraphStore
from service.answering.shop_lookup import StoreLookup
from service.answering.similar_items import SimilarItemsService
from service.home import Home
from service.releases.holder import ReleaseHolder
from service.releases.store import ReleaseStore

BATCH = 500
"""Items per frame."""

EXPORTED_NEIGHBOUR = pl.Schema(
    {
        "item_id": pl.String(),
        "rank": pl.Int64(),  # from 1
        "neighbour_id": pl.String(),
        "score": pl.Float64(),  # higher is better; comparable within one item's list only
        "source": pl.String(),
        "model_version": pl.String(),
    }
)


class NeighbourRows:
    """The lists that `ilk similar` would show, of one release from the first item to the last.

    Raises `NoRelease`, `CallerMistake` (k).
    """

    def __init__(self, home: Home, store: GraphStore, living: Sequence[str], k: int, objective: str) -> None:
        """living: items that may be asked for and returned."""
        holder = ReleaseHolder(ReleaseStore(home.releases))
        holder.poll()
        serving = holder.serving()
        self._service = SimilarItemsService(lambda: serving, StoreLookup(store))
        self._living = frozenset(living)
        self._k = k
        self._objective = Objective(objective)
        known = serving.release.items
        rows = ((item, known.index_of(item)) for item in living)
        self._items = [item for item, row in rows if row is not None and known.alive[row]]

    def frames(self, progress: Callable[[int, int], None]) -> Iterator[pl.DataFrame]:
        """Frames of `EXPORTED_NEIGHBOUR`. progress: called with (items done, items)."""
        for start in range(0, len(self._items), BATCH):
            chunk = self._items[start : start + BATCH]
            rows = [row for item in chunk for row in self._rows(item)]
            yield pl.DataFrame(rows, schema=EXPORTED_NEIGHBOUR, orient="row")
            progress(start + len(chunk), len(self._items))

    def _rows(self, item_id: str) -> list[tuple[object, ...]]:
        answer = self._service.similar(item_id, self._k, self._objective)
        found = [result for result in answer.results if result.item_id in self._living]
        return [
            (item_id, rank, result.item_id, result.score, result.source, answer.model_version)
            for rank, result in enumerate(found, 1)
        ]
