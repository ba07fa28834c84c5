"""From a matrix or a snapshot file to an index."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from index.errors import SnapshotError
from index.exact_index import ExactIndex
from index.faiss_index import FaissFlatIndex
from index.hnsw_index import FaissHnswIndex
from index.query import checked_matrix
from index.scalar_index import FaissScalarIndex
from index.snapshot import IndexKind, checked_seal
from index.vector_index import VectorIndex

BuildFn = Callable[[npt.NDArray[np.float32]], VectorIndex]

FLAT_ROWS = 100_000
"""Up to this many rows `IndexKind.AUTO` is exact: a search takes milliseconds and misses nothing."""


def build_index(kind: IndexKind | str, matrix: npt.NDArray[np.float32]) -> VectorIndex:
    """Index a float32 matrix (n, d) by inner product.

    Raises `InvalidMatrix`, `MissingFaiss`, `ConflictingFaiss`, and
    `ValueError` for an unknown kind.
    """
    wanted = IndexKind(kind)
    rows = checked_matrix(matrix)
    if wanted is IndexKind.AUTO:
        wanted = IndexKind.FLAT if len(rows) <= FLAT_ROWS else IndexKind.HNSW
    if wanted is IndexKind.EXACT:
        return ExactIndex(rows)
    if wanted is IndexKind.FLAT:
        return FaissFlatIndex.build(rows)
    if wanted is IndexKind.HNSW:
        return FaissHnswIndex.build(rows)
    return FaissScalarIndex.build(wanted, rows)


def build_alike(index: VectorIndex, otherwise: BuildFn) -> BuildFn:
    """How the successor of an index is built: a compact one stays compact, `otherwise` for all others."""
    return partial(build_index, index.kind) if isinstance(index, FaissScalarIndex) else otherwise


def load_index(path: Path) -> VectorIndex:
    """Load a snapshot written by `save`. Raises `SnapshotError` for anything torn, damaged or foreign."""
    stamp = checked_seal(path)
    index: ExactIndex | FaissFlatIndex | FaissHnswIndex | FaissScalarIndex
    if stamp.kind == IndexKind.EXACT:
        index = ExactIndex.read(path)
    elif stamp.kind == IndexKind.FLAT:
        index = FaissFlatIndex.read(path)
    elif stamp.kind == IndexKind.HNSW:
        index = FaissHnswIndex.read(path)
    elif stamp.kind in FaissScalarIndex.KINDS:
        index = FaissScalarIndex.read(path, IndexKind(stamp.kind))
    else:
        raise SnapshotError(f"{path} holds an index of unknown kind {stamp.kind!r}")
    if (index.size, index.dim) != (stamp.size, stamp.dim):
        raise SnapshotError(
            f"{path} holds {index.size} x {index.dim}, its seal says {stamp.size} x {stamp.dim}"
        )
    return index
