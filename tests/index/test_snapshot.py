"""Torn, damaged and foreign snapshot files."""

from pathlib import Path

import faiss
import numpy as np
import pytest

from index import FaissFlatIndex, IndexKind, SnapshotError, build_index, load_index
from tests.index.clusters import clustered

KINDS = [IndexKind.EXACT, IndexKind.FLAT, IndexKind.HNSW, IndexKind.HALF, IndexKind.SQ8]


@pytest.mark.parametrize("kind", KINDS)
def test_every_cut_is_noticed(kind: IndexKind, tmp_path: Path) -> None:
    whole, torn = tmp_path / "whole", tmp_path / "torn"
    build_index(kind, clustered(50, 8, seed=1)).save(whole)
    content = whole.read_bytes()
    for length in {0, 1, 11, 12, 100, len(content) // 2, *range(len(content) - 300, len(content))}:
        torn.write_bytes(content[:length])
        with pytest.raises(SnapshotError):
            load_index(torn)


@pytest.mark.parametrize("kind", KINDS)
def test_every_flipped_byte_is_noticed(kind: IndexKind, tmp_path: Path) -> None:
    path = tmp_path / "index"
    build_index(kind, clustered(20, 4, seed=2)).save(path)
    content = path.read_bytes()
    for position in range(0, len(content), 7):
        damaged = bytearray(content)
        damaged[position] ^= 0x40
        path.write_bytes(damaged)
        with pytest.raises(SnapshotError):
            load_index(path)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "index"
    with pytest.raises(SnapshotError, match="cannot be read"):
        load_index(path)
    path.write_bytes(b"PK\x03\x04" + bytes(5000))
    with pytest.raises(SnapshotError, match="no index snapshot"):
        load_index(path)
    index = faiss.IndexFlatIP(4)
    index.add(clustered(5, 4, seed=3))
    faiss.write_index(index, str(path))
    with pytest.raises(SnapshotError, match="no index snapshot"):
        load_index(path)


def test_payload_is_readable_without_ilk(tmp_path: Path) -> None:
    matrix = clustered(30, 6, seed=4)
    build_index("flat", matrix).save(tmp_path / "flat")
    build_index("exact", matrix).save(tmp_path / "exact")
    plain = faiss.read_index(str(tmp_path / "flat"))
    np.testing.assert_array_equal(plain.reconstruct_n(0, 30), matrix)
    with (tmp_path / "exact").open("rb") as file:
        np.testing.assert_array_equal(np.load(file), matrix)


def test_rows_outlive_the_index_they_were_read_with(tmp_path: Path) -> None:
    rows = clustered(2_000, 64, seed=5)
    FaissFlatIndex.build(rows).save(tmp_path / "index")
    kept = FaissFlatIndex.read(tmp_path / "index").matrix
    taken = [np.full_like(rows, 7.0) for _ in range(20)]  # would be written over memory that was let go
    np.testing.assert_array_equal(kept, rows)
    assert len(taken) == 20
