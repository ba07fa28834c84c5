"""Compact indexes: what they save and what they miss."""

from pathlib import Path

import numpy as np
import pytest

from index import ExactIndex, FaissScalarIndex, IndexKind, build_alike, build_index, load_index, recall_of
from tests.index.clusters import clustered


@pytest.mark.parametrize(
    ("kind", "share", "recall"), [(IndexKind.HALF, 0.5, 0.99), (IndexKind.SQ8, 0.25, 0.9)]
)
def test_smaller_and_nearly_as_good(kind: IndexKind, share: float, recall: float, tmp_path: Path) -> None:
    matrix = clustered(3_000, 64, seed=1)
    build_index("flat", matrix).save(tmp_path / "flat")
    compact = build_index(kind, matrix)
    compact.save(tmp_path / "compact")
    sizes = [(tmp_path / name).stat().st_size for name in ("compact", "flat")]
    assert sizes[0] < (share + 0.02) * sizes[1]
    found = recall_of(compact, matrix)
    assert recall < found <= 1.0
    assert recall_of(load_index(tmp_path / "compact"), matrix) == found


def test_recall_is_the_share_of_the_nearest_that_are_found() -> None:
    matrix = clustered(300, 8, seed=2)
    assert recall_of(ExactIndex(matrix), matrix) == 1.0
    blind = ExactIndex(np.where(np.arange(300)[:, None] < 150, matrix, -matrix).astype(np.float32))
    assert recall_of(blind, matrix) < 0.7
    assert recall_of(ExactIndex(np.zeros((5, 8), np.float32)), np.zeros((5, 8), np.float32)) == 1.0


@pytest.mark.parametrize("length", [1e-3, 1.0, 30.0])
def test_an_exact_index_misses_nothing_however_long_its_rows_are(length: float) -> None:
    matrix = (length * clustered(600, 133, seed=4)).astype(np.float32)
    assert recall_of(build_index("flat", matrix), matrix) == 1.0
    others = (length * clustered(600, 133, seed=5)).astype(np.float32)
    assert recall_of(ExactIndex(others), matrix) < 0.2, "nor does all count as a tie where rows are short"


def test_a_compact_index_has_a_compact_successor() -> None:
    matrix = clustered(50, 8, seed=3)
    flat, compact = build_index("flat", matrix), build_index("sq8", matrix)
    assert isinstance(build_alike(compact, ExactIndex)(matrix), FaissScalarIndex)
    assert isinstance(build_alike(flat, ExactIndex)(matrix), ExactIndex)
