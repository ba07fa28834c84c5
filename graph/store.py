"""The port that every graph store implements: SQLite (embedded), Neo4j (server), memory (fake).

One shop = one store. Nodes are numbered densely from 0 in the order in which the store first saw them;
a number is never given out twice (a deleted node leaves a hole, see `NodeKeys.alive`). Writers: one.
Readers: any number, in any process.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
import polars as pl

from graph.event_type import EventType

NodeKind = Literal["user", "item", "category"]

DEFAULT_WEIGHTS: dict[EventType, float] = {
    EventType.VIEW_ITEM: 1.0,
    EventType.SELECT_ITEM: 1.0,
    EventType.ADD_TO_CART: 1.0,
    EventType.BEGIN_CHECKOUT: 1.0,
    EventType.ADD_TO_WISHLIST: 1.0,
    EventType.PURCHASE: 1.0,
    EventType.REVIEW: 1.0,
}
"""Weight of one event of each type; settings override it (clicks or purchases: the shop's choice)."""


@dataclass(frozen=True)
class ApplyResult:
    """Outcome of one `GraphStore.apply`."""

    inserted: int
    """Events that changed the graph: new edges, and refunds that took a purchase's weight away."""
    duplicates: int
    """Events already applied (their `seq` at or below the watermark, or their `event_id` known)."""
    touched: npt.NDArray[np.int64]
    """Indices of the items whose edges changed, ascending, unique; shape (t,)."""


@dataclass(frozen=True)
class EdgeBlock:
    """User-item edges as parallel columns, ascending by `seq`; every array has shape (n,)."""

    seq: npt.NDArray[np.int64]
    user: npt.NDArray[np.int64]
    """User index."""
    item: npt.NDArray[np.int64]
    """Item index."""
    relation: npt.NDArray[np.int8]
    """Position in `graph.event_type.RELATIONS`."""
    at: npt.NDArray[np.int64]
    """Microseconds since 1970 UTC."""
    weight: npt.NDArray[np.float32]
    """Weight of the event; lowered, down to 0, by refunds."""
    rating: npt.NDArray[np.float32]
    """NaN where not given."""

    @classmethod
    def none(cls) -> "EdgeBlock":
        """A block without edges."""
        index, weight = np.empty(0, np.int64), np.empty(0, np.float32)
        return cls(index, index, index, np.empty(0, np.int8), index, weight, weight)

    @classmethod
    def joined(cls, blocks: Sequence["EdgeBlock"]) -> "EdgeBlock":
        """One block of several, in their order."""
        if len(blocks) == 1:
            return blocks[0]
        if not blocks:
            return cls.none()
        return cls(
            **{name: np.concatenate([getattr(one, name) for one in blocks]) for name in vars(blocks[0])}
        )

    def only(self, places: npt.NDArray[np.int64] | npt.NDArray[np.bool_]) -> "EdgeBlock":
        """The edges at some places, in that order, or where a mask of shape (n,) is true (no copy where it is
        true everywhere)."""
        if places.dtype == np.bool_ and bool(places.all()):
            return self
        return EdgeBlock(**{name: column[places] for name, column in vars(self).items()})

    def until(self, seq: int) -> "EdgeBlock":
        """The edges less those that came after a sequence number."""
        return self.only(self.seq <= seq)


@dataclass(frozen=True)
class NodeKeys:
    """External ids of one kind of node, by index."""

    ids: list[str]
    """"" at the holes that erased nodes leave."""
    alive: npt.NDArray[np.bool_]
    """False: deleted, or (items) known only from events whose item was deleted. Shape (n,)."""
    anonymous: npt.NDArray[np.bool_]
    """True: a session without a user (users only). Shape (n,)."""


@dataclass(frozen=True)
class Neighbourhood:
    """Bounded surroundings of some nodes: nodes as (kind, id), edges between them."""

    nodes: list[tuple[NodeKind, str]]
    edges: list[tuple[tuple[NodeKind, str], tuple[NodeKind, str], str]]
    """(from, to, relationship type)."""


@dataclass(frozen=True)
class EvidencePath:
    """One reason why two items belong together: item - via - item."""

    via_kind: NodeKind
    via_id: str
    relation_a: str
    relation_b: str


@dataclass(frozen=True)
class SharedEvidence:
    """What two items share, counted. A refunded purchase and an event without weight count for nothing."""

    users: int
    """Users and sessions that have an event with both."""
    by_relation: dict[str, int]
    """Relationship type -> users who have an event of this type with both; types without any are left out."""
    categories: tuple[str, ...]
    """Paths of the categories that both are in, by index."""

    def shown(self, floor: int) -> "SharedEvidence":
        """What may be shown: counts of fewer than `floor` users become 0, so that nobody is told apart."""
        enough = {relation: users for relation, users in self.by_relation.items() if users >= floor}
        return SharedEvidence(self.users if self.users >= floor else 0, enough, self.categories)


@dataclass(frozen=True)
class SimilarRow:
    """One served neighbour, written back for people who look at the graph."""

    item_id: str
    neighbour_id: str
    rank: int
    score: float
    why: str = ""
    """For people: what the score rests on."""


@dataclass(frozen=True)
class ErasureReceipt:
    """What erasing a user removed, place by place."""

    user_id: str
    events_removed: int
    places: dict[str, int] = field(default_factory=dict)
    """Place -> rows removed there."""


@dataclass(frozen=True)
class StoreStats:
    """Counts of what is alive in the store."""

    users: int
    items: int
    categories: int
    events: int
    """User-item edges."""
    applied_seq: int


@dataclass(frozen=True)
class StoreHealth:
    """Whether the store answers, and what it is."""

    ok: bool
    backend: str
    """`sqlite`, `neo4j` or `memory`."""
    version: str
    detail: str = ""


class GraphStore(Protocol):
    """Users, items, categories and the edges between them. Errors: see `graph.errors`."""

    def ensure_schema(self) -> None:
        """Create or check the schema; idempotent. Raises `SchemaMismatch` on another version's data."""

    def apply(self, events: pl.DataFrame, upto_seq: int) -> ApplyResult:
        """Insert events of `SEQUENCED_EVENT_SCHEMA` and move the watermark to `upto_seq`, atomically.

        Exactly once: rows whose `seq` is at or below the watermark, or whose `event_id` the store
        holds, change nothing and are counted as duplicates. Unknown users and items become nodes.
        """

    def reweigh(self, events: pl.DataFrame, weights: Mapping[EventType, float]) -> int:
        """Give edges the weight that their event's type has by `weights`, of all types; what was refunded
        stays refunded. events: columns `seq`, `event_type`, such as a batch of the log; those without an edge
        change nothing. Returns how many edges changed."""

    def applied_seq(self) -> int:
        """The watermark: every event up to this sequence number is in the graph (0: none)."""

    def upsert_items(self, items: pl.DataFrame) -> int:
        """Insert or replace items of `ITEM_SCHEMA` (last row of an id wins) with their categories
        (`upsert_categories` of their paths included); returns how many were new or changed."""

    def upsert_categories(self, paths: Sequence[str]) -> int:
        """Make category nodes for the paths and all their ancestors; returns how many were new."""

    def items(self, item_ids: Sequence[str] | None = None) -> pl.DataFrame:
        """Items of `ITEM_SCHEMA` plus `index` (Int64), alive ones only, ascending by index.

        Items known only from events have empty fields. `None`: all of them."""

    def item_rows(self, item_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Rows of `items` for a few ids, without making a frame: for what every read does."""

    def export(self, since: int = 0, block_rows: int = 500_000) -> Iterator[EdgeBlock]:
        """Edges with `seq > since`, in blocks, ascending by `seq`. Edges of deleted items are left out."""

    def deleted_items(self) -> list[str]:
        """Ids of deleted items, whose later events are ignored; sorted."""

    def item_categories(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(item index, category index) pairs of `IN_CATEGORY`, sorted; each of shape (m,)."""

    def category_parents(self) -> npt.NDArray[np.int64]:
        """Index of each category's parent, -1 at roots; shape (categories,)."""

    def review_texts(self, since: int = 0) -> pl.DataFrame:
        """Reviews with text: `seq`, `item` (index), `rating`, `at`, `review_text`, `helpful`; ascending by
        `seq`."""

    def node_keys(self, kind: NodeKind) -> NodeKeys:
        """External ids by index (categories: their paths)."""

    def user_index(self, user_id: str) -> int:
        """Index of a known (not anonymous) user. Raises `NotFound`."""

    def user_history(self, user_id: str, limit: int = 50) -> list[tuple[str, int]]:
        """(item_id, at) of a known user's newest events, newest first, each item once."""

    def neighbours(self, keys: Sequence[tuple[NodeKind, str]], hops: int, per_node: int) -> Neighbourhood:
        """What lies within `hops` of the nodes, at most `per_node` newest edges of each node."""

    def paths(self, item_a: str, item_b: str, limit: int = 100) -> list[EvidencePath]:
        """Two-hop evidence paths between two items: over shared users and shared categories."""

    def evidence(self, item_a: str, item_b: str) -> SharedEvidence:
        """What two items share, all of it counted. Raises `NotFound`."""

    def replace_similar(self, version: str, rows: Sequence[SimilarRow]) -> int:
        """Make `rows` the only `SIMILAR_TO` edges; no reader ever sees two versions or none."""

    def delete_item(self, item_id: str) -> None:
        """Delete an item and its edges; later events of it are ignored. Raises `NotFound`."""

    def delete_user(self, user_id: str) -> ErasureReceipt:
        """Erase a user, their edges and review texts. Raises `NotFound`."""

    def stats(self) -> StoreStats:
        """Counts of what is alive."""

    def health(self) -> StoreHealth:
        """Never raises: an unreachable store is `ok=False` with the reason."""

    def close(self) -> None:
        """Release files and connections; idempotent."""
