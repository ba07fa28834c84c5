"""Domain objects, graph stores, event log: all about events and nodes, nothing learned."""

from graph.category import Category
from graph.errors import (
    BadMapping,
    GraphError,
    InvalidEvent,
    InvalidItem,
    NotFound,
    RetryableStoreError,
    SchemaMismatch,
    StoreConflict,
    StoreUnavailable,
    UnknownFormat,
    UnreadableInput,
)
from graph.event_id import event_ids
from graph.event_type import RELATION_OF, RELATIONS, EventType, Relation
from graph.frames import (
    EVENT_SCHEMA,
    INDEXED_ITEM_SCHEMA,
    ITEM_SCHEMA,
    LINK_SCHEMA,
    REVIEW_TEXT_SCHEMA,
    SEQUENCED_EVENT_SCHEMA,
)
from graph.group_commit import GroupCommitSettings, GroupCommitWriter
from graph.ids import MAX_ID_BYTES, check_id, id_problem
from graph.instant import now_microseconds, parse_time
from graph.interaction import Interaction
from graph.item import Item
from graph.log import AppendResult, EventLog
from graph.memory_store import MemoryGraphStore
from graph.sqlite_log import SqliteLog
from graph.sqlite_store import SqliteGraphStore
from graph.store import (
    DEFAULT_WEIGHTS,
    ApplyResult,
    EdgeBlock,
    ErasureReceipt,
    EvidencePath,
    GraphStore,
    Neighbourhood,
    NodeKeys,
    NodeKind,
    SharedEvidence,
    SimilarRow,
    StoreHealth,
    StoreStats,
)
from graph.view import evidence, to_graphml, to_networkx
from graph.vocabulary import ItemIndex, UserIndex, Vocabulary

__all__ = [
    "DEFAULT_WEIGHTS",
    "EVENT_SCHEMA",
    "INDEXED_ITEM_SCHEMA",
    "ITEM_SCHEMA",
    "LINK_SCHEMA",
    "MAX_ID_BYTES",
    "RELATIONS",
    "RELATION_OF",
    "REVIEW_TEXT_SCHEMA",
    "SEQUENCED_EVENT_SCHEMA",
    "AppendResult",
    "ApplyResult",
    "BadMapping",
    "Category",
    "EdgeBlock",
    "ErasureReceipt",
    "EventLog",
    "EventType",
    "EvidencePath",
    "GraphError",
    "GraphStore",
    "GroupCommitSettings",
    "GroupCommitWriter",
    "Interaction",
    "InvalidEvent",
    "InvalidItem",
    "Item",
    "ItemIndex",
    "MemoryGraphStore",
    "Neighbourhood",
    "NodeKeys",
    "NodeKind",
    "NotFound",
    "Relation",
    "RetryableStoreError",
    "SchemaMismatch",
    "SharedEvidence",
    "SimilarRow",
    "SqliteGraphStore",
    "SqliteLog",
    "StoreConflict",
    "StoreHealth",
    "StoreStats",
    "StoreUnavailable",
    "UnknownFormat",
    "UnreadableInput",
    "UserIndex",
    "Vocabulary",
    "check_id",
    "event_ids",
    "evidence",
    "id_problem",
    "now_microseconds",
    "parse_time",
    "to_graphml",
    "to_networkx",
]
