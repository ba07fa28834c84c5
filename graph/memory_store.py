"""The graph in plain Python objects: the fake that tests use, and the oracle of the other stores."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from graph.category import Category, with_ancestors
from graph.errors import NotFound
from graph.event_type import RELATIONS, EventType
from graph.frames import INDEXED_ITEM_SCHEMA, REVIEW_TEXT_SCHEMA
from graph.interaction import check_sequenced
from graph.item import Item, check_items
from graph.memory_edges import MemoryEdges, edge_block
from graph.refund import is_refund
from graph.store import (
    DEFAULT_WEIGHTS,
    ApplyResult,
    EdgeBlock,
    ErasureReceipt,
    EvidencePath,
    Neighbourhood,
    NodeKeys,
    NodeKind,
    SharedEvidence,
    SimilarRow,
    StoreHealth,
    StoreStats,
)
from graph.view import CHILD_OF, IN_CATEGORY, SIMILAR_TO, Link, Node, walk

Row = dict[str, Any]


class MemoryGraphStore:
    """`GraphStore` without a disk, for tests; leaves the same choices as `SqliteGraphStore` does.

    Plain loops over everything: clear rather than fast. For one thread.
    """

    def __init__(self, weights: Mapping[EventType, float] = DEFAULT_WEIGHTS) -> None:
        """weights: weight of one event of each type, for events applied from now on."""
        self._weights = {**DEFAULT_WEIGHTS, **weights}
        # a deleted node is None in its list
        self._users: list[tuple[str, bool] | None] = []
        self._items: list[Row | None] = []
        self._categories: list[str] = []
        self._deleted_items: set[str] = set()
        self._edges = MemoryEdges()
        self._similar: list[tuple[int, int, int]] = []  # (item, rank, neighbour), sorted
        self._applied_seq = 0

    def ensure_schema(self) -> None:
        """See `GraphStore.ensure_schema`: nothing to do."""

    def apply(self, events: pl.DataFrame, upto_seq: int) -> ApplyResult:
        """See `GraphStore.apply`."""
        checked = check_sequenced(events, upto_seq).with_columns(is_refund().alias("refund"))
        known = self._edges.event_ids()
        touched: list[int] = []
        duplicates = 0
        for row in checked.iter_rows(named=True):
            if row["seq"] <= self._applied_seq or (row["user_id"] and row["event_id"] in known):
                duplicates += 1
            elif row["user_id"]:
                known.add(row["event_id"])
                if row["item_id"] not in self._deleted_items:
                    touched += self._take_refund(row) if row["refund"] else self._add_edge(row)
        self._applied_seq = max(self._applied_seq, upto_seq)
        return ApplyResult(len(touched), duplicates, np.unique(np.array(touched, np.int64)))

    def reweigh(self, events: pl.DataFrame, weights: Mapping[EventType, float]) -> int:
        """See `GraphStore.reweigh`."""
        return self._edges.reweigh(events.select("seq", "event_type").rows(), weights)

    def applied_seq(self) -> int:
        """See `GraphStore.applied_seq`."""
        return self._applied_seq

    def upsert_items(self, items: pl.DataFrame) -> int:
        """See `GraphStore.upsert_items`."""
        checked = check_items(items)
        self.upsert_categories([path for paths in checked["categories"].to_list() for path in paths])
        changed = 0
        for row in checked.iter_rows(named=True):
            self._deleted_items.discard(row["item_id"])
            index = self._item_of(row["item_id"])
            if index is None:
                self._items.append(row)
            else:
                changed -= self._items[index] == row
                self._items[index] = row
            changed += 1
        return changed

    def upsert_categories(self, paths: Sequence[str]) -> int:
        """See `GraphStore.upsert_categories`."""
        new = [path for path in with_ancestors(paths) if path not in self._categories]
        self._categories += new
        return len(new)

    def items(self, item_ids: Sequence[str] | None = None) -> pl.DataFrame:
        """See `GraphStore.items`; unknown ids are left out."""
        rows = [
            {**row, "index": index}
            for index, row in enumerate(self._items)
            if row and (item_ids is None or row["item_id"] in item_ids)
        ]
        return pl.DataFrame(rows, schema=INDEXED_ITEM_SCHEMA)

    def item_rows(self, item_ids: Sequence[str]) -> list[dict[str, Any]]:
        """See `GraphStore.item_rows`."""
        return self.items(item_ids).to_dicts()

    def export(self, since: int = 0, block_rows: int = 500_000) -> Iterator[EdgeBlock]:
        """See `GraphStore.export`."""
        if block_rows < 1:
            raise ValueError(f"block_rows: {block_rows} is not positive")
        edges = [edge for edge in self._edges.by_seq.values() if edge.seq > since]
        for start in range(0, len(edges), block_rows):
            yield edge_block(edges[start : start + block_rows])

    def deleted_items(self) -> list[str]:
        """See `GraphStore.deleted_items`."""
        return sorted(self._deleted_items)

    def item_categories(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """See `GraphStore.item_categories`."""
        pairs = [
            (item, category) for item in range(len(self._items)) for category in self._categories_of(item)
        ]
        columns = np.array(pairs, np.int64).reshape(-1, 2).T.copy()
        return columns[0], columns[1]

    def category_parents(self) -> npt.NDArray[np.int64]:
        """See `GraphStore.category_parents`."""
        return np.array([self._parent_of(one) for one in range(len(self._categories))], np.int64)

    def review_texts(self, since: int = 0) -> pl.DataFrame:
        """See `GraphStore.review_texts`."""
        edges = [one for one in self._edges.by_seq.values() if one.review_text and one.seq > since]
        rows = [{name: getattr(one, name) for name in REVIEW_TEXT_SCHEMA} for one in edges]
        return pl.DataFrame(rows, schema=REVIEW_TEXT_SCHEMA)

    def node_keys(self, kind: NodeKind) -> NodeKeys:
        """See `GraphStore.node_keys`."""
        size = {"user": len(self._users), "item": len(self._items), "category": len(self._categories)}[kind]
        ids = [self.key_of((kind, index)) for index in range(size)]
        anonymous = [kind == "user" and user is not None and user[1] for user in self._users]
        return NodeKeys(
            ids,
            np.array([key != "" for key in ids], np.bool_),
            np.array(anonymous if kind == "user" else [False] * size, np.bool_),
        )

    def user_index(self, user_id: str) -> int:
        """See `GraphStore.user_index`."""
        if (user_id, False) not in self._users:
            raise NotFound(f"user {user_id!r} is not in the graph")
        return self._users.index((user_id, False))

    def user_history(self, user_id: str, limit: int = 50) -> list[tuple[str, int]]:
        """See `GraphStore.user_history`."""
        user = self.user_index(user_id)
        newest = self._edges.newest("user", user).values()
        edges = sorted(newest, key=lambda edge: edge.age, reverse=True)
        return [(self.key_of(("item", edge.item)), edge.at) for edge in edges[:limit]]

    def neighbours(self, keys: Sequence[tuple[NodeKind, str]], hops: int, per_node: int) -> Neighbourhood:
        """See `GraphStore.neighbours`; raises `NotFound`. `graph.view.Links` says which edges come first."""
        return walk(self, [(kind, self._index_of(kind, key)) for kind, key in keys], hops, per_node)

    def paths(self, item_a: str, item_b: str, limit: int = 100) -> list[EvidencePath]:
        """See `GraphStore.paths`; raises `NotFound`."""
        a, b = self._index_of("item", item_a), self._index_of("item", item_b)
        shared = [one for one in self._categories_of(a) if one in self._categories_of(b)]
        found = [EvidencePath("category", self._categories[one], IN_CATEGORY, IN_CATEGORY) for one in shared]
        of_a, of_b = self._edges.newest("item", a), self._edges.newest("item", b)
        users = sorted(of_a.keys() & of_b.keys(), key=lambda user: (-max(of_a[user].at, of_b[user].at), user))
        found += [
            EvidencePath("user", self.key_of(("user", user)), of_a[user].relation, of_b[user].relation)
            for user in users
        ]
        return found[:limit]

    def evidence(self, item_a: str, item_b: str) -> SharedEvidence:
        """See `GraphStore.evidence`; raises `NotFound`."""
        a, b = (self._index_of("item", item) for item in (item_a, item_b))
        acts = [
            {
                (edge.user, edge.relation)
                for edge in self._edges.of("item", item)
                if edge.weight * edge.kept > 0
            }
            for item in (a, b)
        ]
        both = [relation for _, relation in acts[0] & acts[1]]
        users = {user for user, _ in acts[0]} & {user for user, _ in acts[1]}
        shared = [one for one in self._categories_of(a) if one in self._categories_of(b)]
        return SharedEvidence(
            len(users),
            {one.value: both.count(one) for one in RELATIONS if one in both},
            tuple(self._categories[one] for one in shared),
        )

    def replace_similar(self, version: str, rows: Sequence[SimilarRow]) -> int:
        """See `GraphStore.replace_similar`; rows of items that are gone are left out and not counted."""
        ends = [(self._item_of(row.item_id), row.rank, self._item_of(row.neighbour_id)) for row in rows]
        self._similar = sorted({(a, rank, b) for a, rank, b in ends if a is not None and b is not None})
        return len(self._similar)

    def delete_item(self, item_id: str) -> None:
        """See `GraphStore.delete_item`."""
        item = self._index_of("item", item_id)
        self._edges.delete("item", item)
        self._similar = [row for row in self._similar if item not in (row[0], row[2])]
        self._items[item] = None
        self._deleted_items.add(item_id)

    def delete_user(self, user_id: str) -> ErasureReceipt:
        """See `GraphStore.delete_user`."""
        user = self.user_index(user_id)
        places = self._edges.delete("user", user)
        self._users[user] = None
        return ErasureReceipt(user_id, places["graph.edges"], {**places, "graph.users": 1})

    def stats(self) -> StoreStats:
        """See `GraphStore.stats`; users include sessions."""
        users, items = (sum(node is not None for node in nodes) for nodes in (self._users, self._items))
        return StoreStats(users, items, len(self._categories), len(self._edges.by_seq), self._applied_seq)

    def health(self) -> StoreHealth:
        """See `GraphStore.health`."""
        return StoreHealth(True, "memory", "1", f"applied_seq {self._applied_seq}")

    def close(self) -> None:
        """See `GraphStore.close`: nothing to do."""

    def key_of(self, node: Node) -> str:
        """External id of a node; "" of a deleted one (`graph.view.Links`)."""
        kind, index = node
        if kind == "category":
            return self._categories[index]
        if kind == "user":
            return (self._users[index] or ("", False))[0]
        return str((self._items[index] or {"item_id": ""})["item_id"])

    def links(self, node: Node, limit: int) -> list[Link]:
        """At most `limit` links of a node, in the order of `graph.view.Links`."""
        kind, index = node
        found: list[Link] = []
        if kind == "item":
            found += [(node, ("category", one), IN_CATEGORY) for one in self._categories_of(index)]
            found += [
                (node, ("item", other), SIMILAR_TO) for item, _, other in self._similar if item == index
            ]
        if kind == "category":
            parents = [self._parent_of(one) for one in range(len(self._categories))]
            found += [(node, ("category", parents[index]), CHILD_OF)] if parents[index] >= 0 else []
            found += [
                (("category", one), node, CHILD_OF) for one, above in enumerate(parents) if above == index
            ]
            members = [one for one in range(len(self._items)) if index in self._categories_of(one)]
            found += [(("item", one), node, IN_CATEGORY) for one in reversed(members)]
        else:
            found += [
                (("user", edge.user), ("item", edge.item), edge.relation.value)
                for edge in self._edges.of(kind, index)
            ]
        return found[:limit]

    def _add_edge(self, row: Row) -> list[int]:
        key = (row["user_id"], row["anonymous"])
        if key not in self._users:
            self._users.append(key)
        item = self._item_of(row["item_id"])
        if item is None:
            item = len(self._items)
            self._items.append(next(Item.to_frame([Item(row["item_id"])]).iter_rows(named=True)))
        self._edges.add(row, self._users.index(key), item, self._weights)
        return [item]

    def _take_refund(self, row: Row) -> list[int]:
        key, item = (row["user_id"], row["anonymous"]), self._item_of(row["item_id"])
        if key not in self._users or item is None:
            return []
        return [item] if self._edges.take_refund(row, self._users.index(key), item) else []

    def _categories_of(self, item: int) -> list[int]:
        row = self._items[item]
        return sorted({self._categories.index(path) for path in row["categories"]}) if row else []

    def _parent_of(self, category: int) -> int:
        above = Category(self._categories[category]).parent
        return self._categories.index(above.path) if above else -1

    def _item_of(self, item_id: str) -> int | None:
        return next((n for n, row in enumerate(self._items) if row and row["item_id"] == item_id), None)

    def _index_of(self, kind: NodeKind, key: str) -> int:
        found: int | None = None
        if kind == "item":
            found = self._item_of(key)
        elif kind == "category":
            found = self._categories.index(key) if key in self._categories else None
        else:
            users = [(key, False), (key, True)]
            found = next((self._users.index(one) for one in users if one in self._users), None)
        if found is None:
            raise NotFound(f"{kind} {key!r} is not in the graph")
        return found
