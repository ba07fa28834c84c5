"""Digests of a graph, block by block: two stores hold the same where all of them agree."""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt

from graph.store import EdgeBlock, GraphStore, NodeKeys

BLOCK_EVENTS = 50_000
"""Sequence numbers per block of events."""
BLOCK_ITEMS = 5_000
"""Item indices per block of items."""

_EDGE = np.dtype(
    [("seq", "<i8"), ("user", "<u8"), ("item", "<u8"), ("relation", "i1"), ("at", "<i8"), ("rating", "<f4"),
     ("gone", "?")]
)  # fmt: skip


@dataclass(frozen=True)
class BlockDigest:
    """Content of one block: every field that the stores hold, under external ids and the items' indices."""

    kind: str
    """`categories`, `items` or `events`."""
    first: int
    """Smallest index (items) or sequence number (events) that belongs to the block."""
    rows: int
    digest: str
    """Hexadecimal; blake2b, 128 bits."""


def digests(store: GraphStore, through: int, block_events: int = BLOCK_EVENTS) -> Iterator[BlockDigest]:
    """All blocks of a store: categories, items by index, events by sequence number up to `through`.

    An edge's weight is left out but for whether a refund took all of it: weights are settings. Memory: one
    block of edges, the keys of all nodes.
    """
    paths = store.node_keys("category").ids
    yield BlockDigest("categories", 0, len(paths), _digest("\n".join(paths).encode()))
    item_keys = store.node_keys("item")
    yield from _items(store, item_keys)
    yield from _events(store, item_keys, through, block_events)


def _items(store: GraphStore, keys: NodeKeys) -> Iterator[BlockDigest]:
    for first in range(0, len(keys.ids), BLOCK_ITEMS):
        living = [one for one in keys.ids[first : first + BLOCK_ITEMS] if one]
        rows = store.items(living).sort("index")
        yield BlockDigest("items", first, rows.height, _digest(rows.write_ndjson().encode()))


def _events(store: GraphStore, item_keys: NodeKeys, through: int, size: int) -> Iterator[BlockDigest]:
    names = (_hashed(store.node_keys("user")), _hashed(item_keys))
    state, rows, first = blake2b(digest_size=16), 0, 1
    for block in store.export():
        for part_first, part in _by_block(_records(block, *names, through), size):
            if part_first != first:
                if rows:
                    yield BlockDigest("events", first, rows, state.hexdigest())
                state, rows, first = blake2b(digest_size=16), 0, part_first
            # row by row, so that the digest does not depend on where the store cuts its exports
            state.update(part.tobytes())
            rows += len(part)
    if rows:
        yield BlockDigest("events", first, rows, state.hexdigest())


def _records(
    block: EdgeBlock, users: npt.NDArray[np.uint64], items: npt.NDArray[np.uint64], through: int
) -> npt.NDArray[np.void]:
    records = np.zeros(int(np.searchsorted(block.seq, through, side="right")), _EDGE)
    end = len(records)
    for name in ("seq", "relation", "at"):
        records[name] = getattr(block, name)[:end]
    records["rating"] = np.nan_to_num(block.rating[:end], nan=-1e30)
    records["user"], records["item"] = users[block.user[:end]], items[block.item[:end]]
    records["gone"] = block.weight[:end] <= 0
    return records


def _by_block(records: npt.NDArray[np.void], size: int) -> Iterator[tuple[int, npt.NDArray[np.void]]]:
    """(first sequence number of the block, its rows)"""
    number = (records["seq"] - 1) // size
    for one in np.unique(number):
        yield int(one) * size + 1, records[number == one]


def _hashed(keys: NodeKeys) -> npt.NDArray[np.uint64]:
    """64 bits of each id; a session and a user of the same id differ. Shape (n,)."""
    marked = (
        f"{'s' if anonymous else 'u'}{key}" for key, anonymous in zip(keys.ids, keys.anonymous, strict=True)
    )
    raw = b"".join(blake2b(one.encode(), digest_size=8).digest() for one in marked)
    return np.frombuffer(raw, np.uint64)


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()
