"""Copy a whole graph into another store: resumable, and verified block by block."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import numpy as np
import numpy.typing as npt
import polars as pl

from graph.errors import NotFound
from graph.item import Item
from graph.log import EventLog
from graph.refund import is_refund
from graph.store import GraphStore, NodeKeys
from service.errors import CallerMistake, ServiceError
from service.keeping.copy_digest import BLOCK_ITEMS, BlockDigest, digests
from service.reporter import ProgressFn

EVENT_ROWS = 20_000
"""Events per transaction of the target."""


class CopyFailed(ServiceError):
    """The target does not hold what the source holds."""


@dataclass
class CopyResult:
    """What a copy did."""

    items: int = 0
    """Living items of the target; likewise the following."""
    users: int = 0
    """Those with an event: whoever only ever turned to items that were deleted is not copied."""
    categories: int = 0
    events: int = 0
    deleted_items: int = 0
    """Ids whose later events are ignored."""
    applied_sequence: int = 0
    resumed_at: int = 0
    """Sequence number up to which an earlier, interrupted copy had come; 0: a new copy."""
    similar_edges: int = 0
    """Neighbours of the served release that were written into the target, for people who look at it."""
    blocks: list[BlockDigest] = field(default_factory=list)
    """Every block, equal in source and target."""

    def to_json(self) -> dict[str, Any]:
        """As in `--json`."""
        counts = {name: value for name, value in vars(self).items() if name != "blocks"}
        return {**counts, "blocks": [vars(block) for block in self.blocks]}


def copy_graph(
    source: GraphStore,
    target: GraphStore,
    log: EventLog,
    progress: ProgressFn = lambda done, total: None,
    rows: int = EVENT_ROWS,
) -> CopyResult:
    """Make `target` hold what `source` holds; items and categories keep their indices.

    Events come from the log, but only those whose edges the source still has. Interrupted, it goes on where
    it stopped: every step looks at what the target has already. progress: called with (events, of all).
    rows: per transaction of the target.

    Raises `CallerMistake` where the target holds another graph, `CopyFailed` where the two differ at the end.
    """
    through, resumed_at = source.applied_seq(), target.applied_seq()
    keys = source.node_keys("item")
    _check_target(target, keys, through)
    _forget(target, source)
    target.upsert_categories(source.node_keys("category").ids)
    _copy_items(source, target, keys, min(rows, BLOCK_ITEMS))
    for upto in _copy_events(source, target, log, through, rows):
        progress(upto, through)
    blocks = _verified(source, target, through)
    stats = target.stats()
    return CopyResult(
        items=stats.items,
        users=stats.users,
        categories=stats.categories,
        events=stats.events,
        deleted_items=len(source.deleted_items()),
        applied_sequence=stats.applied_seq,
        resumed_at=resumed_at,
        blocks=blocks,
    )


def _check_target(target: GraphStore, keys: NodeKeys, through: int) -> None:
    """Refuse a target that holds anything but an unfinished copy of this graph."""
    held = target.node_keys("item").ids
    differs = len(held) > len(keys.ids) or any(
        mine != theirs for mine, theirs in zip(held, keys.ids, strict=False) if mine and theirs
    )
    if differs or target.applied_seq() > through:
        raise CallerMistake("the target holds another graph: name an empty database, or empty it first")


def _forget(target: GraphStore, source: GraphStore) -> None:
    """Whoever was erased since an earlier, interrupted copy."""
    held, kept = target.node_keys("user"), source.node_keys("user")
    known = {one for one, anonymous in zip(kept.ids, kept.anonymous, strict=True) if not anonymous}
    for one, anonymous in zip(held.ids, held.anonymous, strict=True):
        if one and not anonymous and one not in known:
            target.delete_user(one)


def _copy_items(source: GraphStore, target: GraphStore, keys: NodeKeys, rows: int) -> None:
    """Items in the order of their indices; a hole of the source becomes one by deleting what is put there."""
    held = target.node_keys("item")
    gone = _holes(source, target, keys, held)
    for first in range(0, len(keys.ids), rows):
        part = range(first, min(first + rows, len(keys.ids)))
        living = source.items([keys.ids[index] for index in part if keys.ids[index]])
        missing = [index for index in part if index in gone and index >= len(held.ids)]
        stand_ins = Item.to_frame([Item(gone[index]) for index in missing]).with_columns(
            pl.Series("index", missing, pl.Int64())
        )
        together = pl.concat([living, stand_ins.select(living.columns)]).sort("index").drop("index")
        target.upsert_items(together)
        for index in part:
            if index in gone and (index >= len(held.ids) or held.ids[index]):
                _delete(target, gone[index])


def _holes(source: GraphStore, target: GraphStore, keys: NodeKeys, held: NodeKeys) -> dict[int, str]:
    """Index of each hole -> the id that is deleted there: those that the source remembers as deleted and the
    target does not, then made-up ones (of items that were deleted and came back)."""
    known = set(target.deleted_items())
    remembered = iter([one for one in source.deleted_items() if one not in known])
    found: dict[int, str] = {}
    for index, alive in enumerate(keys.ids):
        if not alive:
            is_held = index < len(held.ids)
            found[index] = held.ids[index] if is_held else next(remembered, "") or f"deleted-{uuid4().hex}"
    return found


def _delete(target: GraphStore, item_id: str) -> None:
    with suppress(NotFound):  # an interrupted copy had come so far
        target.delete_item(item_id)


def _copy_events(
    source: GraphStore, target: GraphStore, log: EventLog, through: int, rows: int
) -> Iterator[int]:
    """Yields the sequence number up to which the target has come."""
    start = target.applied_seq()
    kept = _sequence_numbers(source, start)
    for batch in log.batches(start, rows):
        wanted = batch.filter(pl.col("seq") <= through)
        has_edge = pl.Series(np.isin(wanted["seq"].to_numpy(), kept, assume_unique=True))
        upto = min(int(batch["seq"][-1]), through)
        target.apply(wanted.filter(has_edge | wanted.select(is_refund()).to_series()), upto)
        yield upto
        if upto == through:
            return


def _sequence_numbers(source: GraphStore, since: int) -> npt.NDArray[np.int64]:
    """Of all edges; shape (n,). 8 bytes an edge."""
    return np.concatenate([np.empty(0, np.int64), *(block.seq for block in source.export(since))])


def _verified(source: GraphStore, target: GraphStore, through: int) -> list[BlockDigest]:
    """The blocks, the same in both. Raises `CopyFailed`."""
    blocks = list(digests(source, through))
    for mine, theirs in _pairs(blocks, list(digests(target, through))):
        if mine != theirs:
            where = mine or theirs
            assert where is not None
            raise CopyFailed(
                f"the copy differs from its source in the {where.kind} from number {where.first} on: "
                "something wrote to one of them, or the event log lacks events; copy again, into an empty one"
            )
    for name in ("items", "categories", "events", "applied_seq"):
        here, there = getattr(source.stats(), name), getattr(target.stats(), name)
        if here != there:
            raise CopyFailed(
                f"the copy has {there} {name}, its source {here}: copy again into an empty database"
            )
    return blocks


def _pairs(
    mine: list[BlockDigest], theirs: list[BlockDigest]
) -> Iterator[tuple[BlockDigest | None, BlockDigest | None]]:
    keyed = [{(one.kind, one.first): one for one in blocks} for blocks in (mine, theirs)]
    for key in dict.fromkeys([*keyed[0], *keyed[1]]):
        yield keyed[0].get(key), keyed[1].get(key)
