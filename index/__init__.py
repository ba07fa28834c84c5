"""float32 matrix -> neighbours: exact, FAISS, live; snapshots."""

from index.build_index import FLAT_ROWS, build_alike, build_index, load_index
from index.errors import (
    ConflictingFaiss,
    GpuUnavailable,
    InvalidMatrix,
    InvalidQuery,
    MissingFaiss,
    SnapshotError,
    VectorIndexError,
)
from index.exact_index import ExactIndex
from index.faiss_index import FaissFlatIndex, FaissIndex
from index.faiss_module import faiss_module, use_threads
from index.gpu_index import GpuIndex, to_gpu
from index.hnsw_index import FaissHnswIndex
from index.live_index import LiveIndex, RebuildLimits
from index.live_view import LiveView
from index.recall import recall_of
from index.scalar_index import FaissScalarIndex
from index.snapshot import IndexKind
from index.vector_index import Ids, Scores, VectorIndex

__all__ = [
    "FLAT_ROWS",
    "ConflictingFaiss",
    "ExactIndex",
    "FaissFlatIndex",
    "FaissHnswIndex",
    "FaissIndex",
    "FaissScalarIndex",
    "GpuIndex",
    "GpuUnavailable",
    "Ids",
    "IndexKind",
    "InvalidMatrix",
    "InvalidQuery",
    "LiveIndex",
    "LiveView",
    "MissingFaiss",
    "RebuildLimits",
    "Scores",
    "SnapshotError",
    "VectorIndex",
    "VectorIndexError",
    "build_alike",
    "build_index",
    "faiss_module",
    "load_index",
    "recall_of",
    "to_gpu",
    "use_threads",
]
