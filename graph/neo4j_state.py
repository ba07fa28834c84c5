"""The store's own node: schema version, watermark, numbers given out; its lock orders the writers."""

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar
from uuid import uuid4

from graph.errors import SchemaMismatch
from graph.event_type import RELATIONS
from graph.neo4j_queries import cypher

if TYPE_CHECKING:
    from neo4j import ManagedTransaction, Record

ResultT = TypeVar("ResultT")

SCHEMA_VERSION = 1

_PROPERTY = {
    "applied_seq": "appliedSeq",
    "users": "users",
    "items": "items",
    "categories": "categories",
    "user_holes": "userHoles",
    "item_holes": "itemHoles",
    "refunds": "refunds",
    "edges": "edges",
    "similar_batch": "similarBatch",
    "similar_version": "similarVersion",
}
"""Field -> property of the node."""


@dataclass
class StoreState:
    """What the node says; changed in memory by a write, and written back at its end."""

    applied_seq: int = 0
    """The watermark."""
    users: int = 0
    """Numbers given out, holes included; likewise items and categories."""
    items: int = 0
    categories: int = 0
    user_holes: int = 0
    """Numbers whose node was erased."""
    item_holes: int = 0
    refunds: int = 0
    """Refunds that took weight away."""
    edges: list[int] = field(default_factory=lambda: [0] * len(RELATIONS))
    """Numbered edges of each relation, in the order of `RELATIONS`; the count store may know of more."""
    similar_batch: int = 0
    """Which SIMILAR_TO edges are valid: the pointer that readers follow. 0: none yet."""
    similar_version: str = ""


def read_state(tx: "ManagedTransaction") -> StoreState:
    """Read the node. Raises `SchemaMismatch` where it is missing or of another version."""
    return _state(tx.run(cypher("store_read")).single())[0]


class LockedWrite(Generic[ResultT]):
    """A write transaction that keeps other writers out; the driver may run it again.

    An attempt whose commit was not confirmed (the server went away) may have been committed. The next
    attempt recognises that by the name that the first one left in the node, and answers what it answered.
    """

    def __init__(self, work: "Callable[[ManagedTransaction, StoreState], ResultT]") -> None:
        """work: changes the graph and the state, which is written back after it."""
        self._work = work
        self._name = uuid4().hex
        self._unconfirmed: list[ResultT] = []

    def __call__(self, tx: "ManagedTransaction") -> ResultT:
        """Run the work under the lock, or find that it has been done."""
        state, last_write = _state(tx.run(cypher("store_lock"), write=self._name).single())
        if last_write == self._name and self._unconfirmed:
            return self._unconfirmed[-1]
        result = self._work(tx, state)
        changes = {_PROPERTY[name]: value for name, value in asdict(state).items()}
        tx.run(cypher("store_write"), changes=changes).consume()
        self._unconfirmed.append(result)
        return result


def _state(record: "Record | None") -> tuple[StoreState, str]:
    """(state, name of the last write)"""
    if record is None:
        raise SchemaMismatch("the database holds no Ilk graph yet (ensure_schema makes one)")
    found: dict[str, Any] = record["store"]
    check_schema_version(found["schemaVersion"])
    return StoreState(**{name: found[key] for name, key in _PROPERTY.items()}), found["lastWrite"]


def check_schema_version(found: int) -> None:
    """Raises `SchemaMismatch` where the graph was written by another version of the schema."""
    if found != SCHEMA_VERSION:
        raise SchemaMismatch(
            f"the graph in Neo4j has schema version {found}, this program writes {SCHEMA_VERSION}: "
            "use the program that wrote it, or load the event log into an empty database"
        )
