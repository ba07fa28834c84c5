"""The live index against the definition of its state, and under load."""

import sys
import threading
from collections.abc import Iterator
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from index import ExactIndex, InvalidMatrix, InvalidQuery, LiveIndex, RebuildLimits, VectorIndex, build_index
from tests.index.clusters import clustered, integers

DIM = 3
BUILD = {kind: partial(build_index, kind) for kind in ("exact", "flat", "hnsw")}


def live(matrix: npt.NDArray[np.float32], kind: str = "exact") -> LiveIndex:
    return LiveIndex(build_index(kind, matrix), BUILD[kind])


def vectors(*numbers: int) -> npt.NDArray[np.float32]:
    """One row per number, along the first axis: its score for `ONE` is the number."""
    block = np.zeros((len(numbers), DIM), np.float32)
    block[:, 0] = numbers
    return block


ONE = vectors(1)


def rows(*numbers: int) -> npt.NDArray[np.int64]:
    return np.array(numbers, dtype=np.int64)


class LiveIndexMachine(RuleBasedStateMachine):
    """Any sequence of changes answers like an exact index over the rows that are alive."""

    @initialize(size=st.integers(0, 12), kind=st.sampled_from(["exact", "flat"]), seed=st.integers(0, 99))
    def start(self, size: int, kind: str, seed: int) -> None:
        matrix = integers(size, DIM, seed)
        self.index = live(matrix, kind)
        self.rows: dict[int, npt.NDArray[np.float32]] = dict(enumerate(matrix))
        self.size = size
        self.pending: tuple[int, npt.NDArray[np.float32], npt.NDArray[np.bool_]] | None = None

    @rule(chosen=st.sets(st.integers(0, 20), max_size=6), seed=st.integers(0, 99))
    def upsert(self, chosen: set[int], seed: int) -> None:
        numbers, block = rows(*sorted(chosen)), integers(len(chosen), DIM, seed)
        self.index.upsert(numbers, block)
        self.rows.update(zip(numbers.tolist(), block, strict=True))
        self.size = max([self.size, *(row + 1 for row in chosen)])

    @rule(chosen=st.sets(st.integers(0, 25), max_size=4))
    def remove(self, chosen: set[int]) -> None:
        self.index.remove(rows(*chosen))
        for row in chosen:
            self.rows.pop(row, None)

    @rule()
    def rebuild(self) -> None:
        matrix, alive = self.dense()
        self.index.rebuild(matrix, alive=alive)
        self.pending = None

    @rule()
    def begin_rebuild(self) -> None:
        self.pending = (self.index.version, *self.dense())

    @precondition(lambda self: getattr(self, "pending", None) is not None)
    @rule()
    def end_rebuild(self) -> None:
        """Swap in what was gathered some changes ago."""
        assert self.pending is not None
        since, matrix, alive = self.pending
        self.index.rebuild(matrix, since=since, alive=alive)
        self.pending = None

    def dense(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
        matrix, alive = np.zeros((self.size, DIM), np.float32), np.zeros(self.size, np.bool_)
        for row, vector in self.rows.items():
            matrix[row], alive[row] = vector, True
        return matrix, alive

    @invariant()
    def answers_like_the_oracle(self) -> None:
        matrix, alive = self.dense()
        query = integers(3, DIM, seed=self.index.version % 50)
        even = np.arange(self.size) % 2 == 0
        assert self.index.size == self.size
        for k in (1, 4, 40):
            for allowed in (None, even):
                mask = alive if allowed is None else alive & allowed
                ours, oracle = self.index.search(query, k, allowed), ExactIndex(matrix).search(query, k, mask)
                np.testing.assert_array_equal(ours[0], oracle[0])
                np.testing.assert_array_equal(ours[1], oracle[1])


LiveIndexMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestLiveIndex = LiveIndexMachine.TestCase


def test_a_view_stays_as_it_was() -> None:
    index = live(vectors(1, 2, 3))
    before = index.view()
    index.upsert(rows(0, 3), vectors(9, 8))
    index.upsert(rows(3, 0), vectors(8, 9))
    index.remove(rows(2))
    between = index.view()
    for extra in range(200):  # more than the first slots: what is alive moves to a new buffer
        index.upsert(rows(4 + extra), vectors(-extra))
    assert between.search(ONE, 4)[0].tolist() == [[0, 3, 1, -1]]
    assert between.search(ONE, 2)[1].tolist() == [[9, 8]]
    assert before.search(ONE, 3)[0].tolist() == [[2, 1, 0]]
    assert index.search(ONE, 3)[0].tolist() == [[0, 3, 1]]
    assert (before.version, before.size, index.size) == (0, 3, 204)


def test_rows_beyond_an_older_filter_are_not_returned() -> None:
    index = live(vectors(1, 2))
    index.upsert(rows(2), vectors(5))
    allowed = np.ones(2, np.bool_)
    assert index.search(ONE, 3, allowed)[0].tolist() == [[1, 0, -1]]


def test_changes_during_a_rebuild_survive_it() -> None:

    def build_while_things_change(matrix: npt.NDArray[np.float32]) -> VectorIndex:
        index.upsert(rows(0, 4), vectors(10, 9))
        index.remove(rows(3))
        return ExactIndex(matrix)

    index = LiveIndex(ExactIndex(vectors(1, 2, 3, 4)), build_while_things_change)
    index.rebuild(vectors(5, 6, 7, 8))
    assert index.search(ONE, 6)[0].tolist() == [[0, 4, 2, 1, -1]]
    assert index.search(ONE, 2)[1].tolist() == [[10, 9]]


def test_fresh_rows_beyond_a_shorter_matrix_stay() -> None:
    index = live(vectors(1, 2))
    index.upsert(rows(2, 3), vectors(8, 9))
    index.rebuild(vectors(1, 2, 7))
    assert index.search(ONE, 4)[1].tolist() == [[9, 7, 2, 1]]


def test_a_matrix_older_than_main_is_refused() -> None:
    index = live(vectors(1, 2))
    index.upsert(rows(0), vectors(5))
    index.rebuild(vectors(5, 2))
    with pytest.raises(InvalidMatrix, match="version"):
        index.rebuild(vectors(1, 2), since=0)
    assert index.search(ONE, 1)[1].tolist() == [[5]]


def test_removed_rows_stay_removed_through_rebuilds() -> None:
    index = LiveIndex(ExactIndex(vectors(1, 2, 3)), ExactIndex, alive=np.array([True, True, False]))
    index.remove(rows(1))
    for _ in range(2):
        index.rebuild(vectors(1, 2, 3))
        assert index.search(ONE, 3)[0].tolist() == [[0, -1, -1]]
    index.upsert(rows(2), vectors(7))
    index.rebuild(vectors(1, 2, 7))
    assert index.search(ONE, 3)[0].tolist() == [[2, 0, -1]]


def test_needs_rebuild_by_fresh_rows_and_by_tombstones() -> None:
    limits = RebuildLimits(fresh_rows=5, tombstone_share=0.1)
    index = LiveIndex(ExactIndex(integers(100, DIM, seed=1)), ExactIndex, limits=limits)
    index.upsert(np.arange(100, 104), integers(4, DIM, seed=2))
    assert not index.needs_rebuild()
    index.upsert(rows(104), vectors(1))
    assert index.needs_rebuild()
    index.rebuild(integers(105, DIM, seed=3))
    assert not index.needs_rebuild()
    index.remove(np.arange(10))
    assert not index.needs_rebuild()
    index.remove(rows(50))
    assert index.needs_rebuild()
    index.rebuild(integers(105, DIM, seed=3))
    assert not index.needs_rebuild(), "holes of earlier deletions are no reason to build again"


@pytest.mark.parametrize(
    ("numbers", "block"),
    [
        (rows(0, 0), vectors(1, 2)),
        (rows(-1), vectors(1)),
        (rows(0), vectors(1, 2)),
        (rows(0), np.full((1, DIM), np.nan, np.float32)),
        (rows(0), np.zeros((1, DIM + 1), np.float32)),
        (np.array([0.5]), vectors(1)),
    ],
)
def test_a_wrong_upsert_changes_nothing(
    numbers: npt.NDArray[np.int64], block: npt.NDArray[np.float32]
) -> None:
    index = live(vectors(1, 2))
    with pytest.raises(InvalidMatrix):
        index.upsert(numbers, block)
    assert (index.version, index.search(ONE, 2)[0].tolist()) == (0, [[1, 0]])


def test_wrong_queries_are_refused() -> None:
    index = live(vectors(1, 2))
    for query, k, allowed in (
        (ONE, 0, None),
        (ONE[0], 1, None),
        (ONE * np.float32("nan"), 1, None),
        (ONE, 1, np.ones((1, 2), np.bool_)),
    ):
        with pytest.raises(InvalidQuery):
            index.search(query, k, allowed)


def test_an_index_may_begin_empty() -> None:
    index = live(np.zeros((0, DIM), np.float32), "flat")
    assert index.search(ONE, 3)[0].shape == (1, 0)
    index.upsert(rows(0, 1), vectors(1, 2))
    assert index.search(ONE, 3)[0].tolist() == [[1, 0]]
    index.rebuild(vectors(1, 2))
    assert index.search(ONE, 3)[0].tolist() == [[1, 0]]


@pytest.fixture
def eager_threads() -> Iterator[None]:
    """Threads take turns so often that a state shown by halves would be seen."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.usefixtures("eager_threads")
@pytest.mark.parametrize("kind", ["flat", "hnsw"])
def test_readers_under_load_see_whole_states_only(kind: str) -> None:
    """A writer moves a pair of twin rows up together, deletes and restores another, and rebuilds; readers
    must always see the twins with one score, and never a row whose deletion was acknowledged."""
    base = clustered(2000, 16, seed=1)
    index = LiveIndex(build_index(kind, base), BUILD[kind])
    query = clustered(1, 16, seed=2)
    epoch = [0]  # odd: the victim is deleted and that was acknowledged
    reads = [0] * 4
    stop = threading.Event()
    problems: list[str] = []
    twins, victim = np.array([100, 2000]), 500
    index.upsert(twins, np.concatenate([query, query]))
    index.upsert(rows(victim), 2 * query)

    def read(reader: int) -> None:
        while not stop.is_set():
            reads[reader] += 1
            before = epoch[0]
            ids, scores = index.search(query, 5)
            found = dict(zip(ids[0].tolist(), scores[0].tolist(), strict=True))
            if before % 2 == 1 and epoch[0] == before and victim in found:
                problems.append("a deleted row came back")
            if not set(twins.tolist()) <= found.keys() or abs(found[100] - found[2000]) > 1e-5 * found[100]:
                problems.append(f"torn state: {found}")

    readers = [threading.Thread(target=read, args=(reader,)) for reader in range(4)]
    for thread in readers:
        thread.start()
    matrix = np.concatenate([base, query])
    step = 0
    while step < 150 or sum(reads) < 4000:
        step += 1
        scale = np.float32(3 + step)
        index.upsert(twins, np.concatenate([scale * query, scale * query]))
        index.remove(rows(victim))
        epoch[0] += 1
        if step in {20, 70, 120}:
            matrix[twins] = scale * query
            index.rebuild(matrix)
        epoch[0] += 1
        index.upsert(rows(victim), 2 * query)
    stop.set()
    for thread in readers:
        thread.join()
    assert problems == []
