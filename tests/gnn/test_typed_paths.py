"""Co-engagement and its products against plain loops."""

from typing import Any

import numpy as np
import pytest

from gnn.co_engagement import CoEngagementConfig, co_engagement, pair_counts, pair_entries
from gnn.histories import group_by_user
from gnn.layered_rows import flat
from gnn.sparse_rows import to_csr
from gnn.text_space import TextSpace
from gnn.trend import decayed_counts
from gnn.typed_paths import PathConfig, build_paths
from tests.gnn.shops import shop_of


def test_pair_counts_decay_with_the_gap_and_are_symmetric() -> None:
    shop = shop_of(np.array([0, 1, 0, 0, 1]), np.array([0, 3, 1, 2, 0]), n_items=5)
    counts = pair_counts(group_by_user(shop), CoEngagementConfig()).toarray()
    expected = np.zeros((5, 5))
    for a, b, gap in ((0, 1, 1), (1, 2, 1), (0, 2, 2), (3, 0, 1)):
        expected[a, b] += gap**-0.5
        expected[b, a] += gap**-0.5
    assert np.allclose(counts, expected)


def test_counts_have_the_same_bits_whatever_the_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sums of floats depend on their order, and a row of hundreds of pairs is sorted before it is summed."""
    rng = np.random.default_rng(0)
    user, item = np.repeat(np.arange(40), 50), rng.integers(0, 25, 2000)
    weight = rng.choice(np.array([0.3, 0.7, 1.0], np.float32), 2000)
    histories, config = group_by_user(shop_of(user, item, weight=weight)), CoEngagementConfig()
    source, target, value = pair_entries(histories, config)
    one_way = to_csr(value, source, target, (25, 25))
    at_once = (one_way + one_way.T).tocsr()
    at_once.sort_indices()
    for most in (1_500_000, 1000, 1):
        monkeypatch.setattr("gnn.co_engagement._PAIRS_PER_BLOCK", most)
        counts = pair_counts(histories, config)
        for name in ("data", "indices", "indptr"):
            assert np.array_equal(getattr(counts, name), getattr(at_once, name)), (most, name)
        assert counts.indices.dtype == counts.indptr.dtype == np.int32


def test_pairs_of_some_events_are_those_that_begin_there() -> None:
    user, item = np.array([0, 0, 0, 0, 1, 1]), np.array([2, 1, 2, 0, 1, 0])
    histories = group_by_user(shop_of(user, item))
    source, target, value = pair_entries(histories, CoEngagementConfig(window=2), np.array([0, 4, 5]))
    assert source.tolist() == [2, 1]  # the event two later is of the same item, 5 is the last
    assert target.tolist() == [1, 0]
    assert value.tolist() == [1.0, 1.0]


def test_paths_leave_counts_that_are_kept_as_they_are() -> None:
    shop = shop_of(np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 0, 2]))
    histories, config = group_by_user(shop), CoEngagementConfig()
    counts = pair_counts(histories, config)
    before = counts.copy()
    given = build_paths(shop, histories, None, PathConfig(), config, counts=counts)
    made = build_paths(shop, histories, None, PathConfig(), config)
    assert given.matrices.keys() == made.matrices.keys() != set()
    for name in ("data", "indices", "indptr"):
        assert np.array_equal(getattr(counts, name), getattr(before, name))
        for path in given.matrices:
            one, other = (flat(paths.matrices[path]) for paths in (given, made))
            assert np.array_equal(getattr(one, name), getattr(other, name)), path


def test_window_bounds_what_one_user_adds() -> None:
    shop = shop_of(np.zeros(6, np.int64), np.arange(6))
    counts = pair_counts(group_by_user(shop), CoEngagementConfig(window=2)).toarray()
    assert counts[0, 2] > 0
    assert counts[0, 3] == 0


def test_event_weights_enter_co_engagement_and_trend() -> None:
    user, item = np.zeros(3, np.int64), np.arange(3)
    light = shop_of(user, item, weight=np.array([1, 0.25, 1], np.float32))
    counts = pair_counts(group_by_user(light), CoEngagementConfig()).toarray()
    assert np.isclose(counts[0, 1], 0.5)
    assert np.isclose(counts[0, 2], 2**-0.5)
    assert np.isclose(decayed_counts(light, 0.25)[1] / decayed_counts(shop_of(user, item), 0.25)[1], 0.25)


def test_degree_normalisation_is_the_stated_formula() -> None:
    shop = shop_of(np.array([0, 0, 1, 1, 2, 2]), np.array([0, 1, 0, 1, 0, 2]))
    histories = group_by_user(shop)
    sparse_counts = pair_counts(histories, CoEngagementConfig())
    counts = sparse_counts.toarray()
    strength = counts.sum(axis=1)
    expected = counts / (np.outer(strength, strength) ** 0.3 + 1)
    assert np.allclose(co_engagement(sparse_counts, CoEngagementConfig()).toarray(), expected, atol=1e-6)


def test_products_carry_evidence_over_text_neighbours() -> None:
    """0 and 1 are bought together; 2 reads like 0, 3 reads like 1; 2 and 3 were never bought."""
    shop = shop_of(np.array([0, 0]), np.array([0, 1]), n_items=4)
    pairs = np.array([[0, 2], [2, 0], [1, 3], [3, 1]])
    neighbours = to_csr(np.ones(4, np.float32), pairs[:, 0], pairs[:, 1], (4, 4))
    space = TextSpace(np.eye(4, dtype=np.float32), np.zeros(4, np.float32), neighbours)
    built = build_paths(shop, group_by_user(shop), space, PathConfig(), CoEngagementConfig())
    paths = {name: flat(matrix) for name, matrix in built.matrices.items()}
    assert paths["co_engaged"].toarray()[0, 1] > 0
    assert paths["text_co_engaged"].toarray()[2, 1] > 0
    assert paths["co_engaged_text"].toarray()[0, 3] > 0
    assert paths["text_co_engaged_text"].toarray()[2, 3] > 0
    for name in ("co_engaged", "text_co_engaged", "co_engaged_text"):
        assert paths[name].toarray()[2, 3] == 0


def test_trend_halves_with_age() -> None:
    shop = shop_of(np.zeros(5, np.int64), np.array([0, 1, 1, 1, 2]))
    counts = decayed_counts(shop, 0.4)
    assert np.isclose(counts[2], 1.0)
    assert np.isclose(counts[0], 0.5 ** (0.8 / 0.4))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("walk_source", -0.1),
        ("walk_source", "0.7"),
        ("walk_target", float("nan")),
        ("walk_target", 3),
        ("walk_keep", 0),
        ("walk_keep", 1.5),
        ("walk_keep", True),
    ],
)
def test_settings_of_walks_are_checked_by_name(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"paths.{name} must be"):
        PathConfig(**{name: value})
