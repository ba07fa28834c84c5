"""Learning by lists: finds planted weights, keeps the defaults where it should; what its examples hold."""

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest

from gnn.histories import group_by_user
from gnn.ilk_config import DEFAULT_USERS, IlkConfig
from gnn.list_examples import NOBODY, ListExamples, list_examples
from gnn.list_learning import learned_list_mix, list_weights
from gnn.mix_config import ListLearningConfig
from gnn.shop_arrays import FloatArray, IntArray
from gnn.signals import ItemSignals
from gnn.typed_paths import no_paths
from gnn.user_features import USER_FEATURES, UserConfig, UserFeatures
from gnn.user_rows import latest_of_each, user_rows
from tests.gnn.shops import shop_of

DEFAULTS = {"good": 0.1, "noise": 0.5}


def planted(users: int, *, flip_at: int | None = None, seed: int = 0, targets: int = 2) -> ListExamples:
    """Targets are drawn by softmax(2 x good); from user `flip_at` on by softmax(-2 x good)."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(users, 60, 2)).astype(np.float32)
    sign = np.where(np.arange(users) < (users if flip_at is None else flip_at), 2.0, -2.0)
    chance = np.exp(sign[:, None] * features[:, :, 0])
    column = [rng.choice(60, p=row / row.sum(), size=targets, replace=False) for row in chance]
    case = np.repeat(np.arange(users), targets)
    return ListExamples(features, np.zeros((users, 60), np.float32), case, np.concatenate(column))


def test_planted_weights_are_found() -> None:
    learned = learned_list_mix(planted(200), DEFAULTS, ListLearningConfig())
    assert learned["good"] > 1.0
    assert abs(learned["noise"]) < 0.15 * learned["good"]


def test_few_targets_keep_the_defaults() -> None:
    assert learned_list_mix(planted(74), DEFAULTS, ListLearningConfig(min_targets=150)) == DEFAULTS
    assert learned_list_mix(planted(75), DEFAULTS, ListLearningConfig(min_targets=150)) != DEFAULTS


def test_few_users_keep_the_defaults_however_many_targets_they_have() -> None:
    assert learned_list_mix(planted(10, targets=20), DEFAULTS, ListLearningConfig()) == DEFAULTS
    config = ListLearningConfig(min_users=10)
    assert learned_list_mix(planted(10, targets=20), DEFAULTS, config) != DEFAULTS


def test_what_holds_in_one_half_of_the_time_only_is_not_learned() -> None:
    assert learned_list_mix(planted(200, flip_at=100), DEFAULTS, ListLearningConfig()) == DEFAULTS


def test_ranks_are_raised_beyond_what_likelihood_finds() -> None:
    """Half of the users take what no list reaches: they say the opposite, and only likelihood listens."""
    examples = planted(300, flip_at=150, seed=1)
    start = np.array([0.3, 0.0], np.float32)
    by_rank = list_weights(examples, start, ListLearningConfig(prior=0.01))
    by_likelihood = list_weights(examples, start, ListLearningConfig(prior=0.01, softness=1e4))
    assert abs(by_likelihood[0]) < 0.2  # ranks that differ by nothing have no slope
    assert examples.ndcg(by_rank).mean() > examples.ndcg(by_likelihood).mean() + 0.02


def test_a_share_stands_for_items_that_are_not_there() -> None:
    """Half of the columns left out, those that stay counting for all: the same likelihood within noise."""
    examples = planted(600, seed=2)
    some = replace(examples, log_share=examples.log_share.copy())
    left_out = np.random.default_rng(4).random((600, 60)) < 0.5
    left_out[examples.case, examples.column] = False  # targets stay as they are
    some.log_share[left_out] = NOBODY
    others = ~left_out
    others[examples.case, examples.column] = False
    some.log_share[others] = np.log(58 / others.sum(axis=1, keepdims=True)).repeat(60, axis=1)[others]
    config = ListLearningConfig(softness=1e4)
    start = np.array([0.1, 0.5], np.float32)
    assert np.allclose(list_weights(some, start, config), list_weights(examples, start, config), atol=0.25)


def test_gains_count_ties_half_and_leave_nobody_out() -> None:
    features = np.array([[[3.0], [1.0], [1.0], [9.0]], [[0.0], [0.0], [0.0], [0.0]]], np.float32)
    share = np.array([[0, 0, 0, NOBODY], [0, 0, 0, NOBODY]], np.float32)
    examples = ListExamples(features, share, np.array([0, 0, 1]), np.array([0, 1, 2]))
    gains = examples.ndcg(np.ones(1, np.float32))
    first, tied = 1 / np.log2(2), 1 / np.log2(1.5 + 2)
    assert np.allclose(gains, [(first + tied) / 2, 1 / np.log2(1.0 + 2)])


def _signals(n_items: int, trend: FloatArray) -> ItemSignals:
    nothing = np.zeros(n_items, np.float32)
    return ItemSignals(paths=no_paths(n_items), trend=trend, evidence=nothing, cold=nothing > 0)


def test_examples_hold_each_users_targets_and_best_items_but_no_history() -> None:
    rng = np.random.default_rng(0)
    n = 400
    shop = shop_of(np.repeat(np.arange(5), 3), rng.permutation(n)[:15], n_items=n)
    trend = rng.random((4, n)).astype(np.float32)
    features, known = UserFeatures(_signals(n, trend)), latest_of_each(group_by_user(shop))
    user = np.array([1, 3, 1, 4])
    target = np.setdiff1d(np.arange(n), shop.item)[:4]
    shipped = np.array(list(DEFAULT_USERS.values()), np.float32)
    config = ListLearningConfig(of_feature=10, of_mix=20, strangers=30)
    examples = list_examples(features, shipped, known, user, target, UserConfig(), config, seed=0)
    assert len(examples.features) == 3
    assert np.array_equal(np.bincount(examples.case), [2, 1, 1])  # in the order of their targets' places
    stacked = features.stack(user_rows(known, np.array([1, 3, 4]), UserConfig()))
    own = {0: [target[0], target[2]], 1: [target[1]], 2: [target[3]]}
    for row, items in own.items():
        found = examples.features[row, examples.column[examples.case == row]]
        assert np.array_equal(found, stacked[row, np.sort(items)])
        seen = shop.item[shop.user == [1, 3, 4][row]]
        score = stacked[row] @ shipped
        score[seen] = -np.inf
        best = np.sort(stacked[row, np.argsort(-score)[:20]] @ shipped)
        held = examples.features[row, examples.log_share[row] == 0] @ shipped
        assert np.isin(best, held).all()
        real = examples.log_share[row] != NOBODY
        items_in_all = np.exp(examples.log_share[row, real].astype(np.float64)).sum()
        assert np.isclose(items_in_all, n - len(seen), rtol=1e-4)
        assert not np.isin(
            trend[0, seen], examples.features[row, real][:, USER_FEATURES.index("trend_season")]
        ).any()


def test_examples_stay_within_their_bounds_and_repeat() -> None:
    rng = np.random.default_rng(1)
    n = 50
    shop = shop_of(np.repeat(np.arange(30), 2), rng.integers(0, n, 60), n_items=n)
    features = UserFeatures(_signals(n, rng.random((4, n)).astype(np.float32)))
    known = latest_of_each(group_by_user(shop))
    user = np.repeat(np.arange(30), 2)
    target = (np.arange(60) * 7) % n
    unseen = ~np.isin(user * n + target, known.user * n + known.item)
    user, target = user[unseen], target[unseen]
    shipped = np.array(list(DEFAULT_USERS.values()), np.float32)

    def made(config: ListLearningConfig, seed: int) -> ListExamples:
        return list_examples(features, shipped, known, user, target, UserConfig(), config, seed)

    assert len(made(ListLearningConfig(users=7), 0).features) == 7
    assert 8 <= len(made(ListLearningConfig(targets=9), 0).case) <= 9
    once, again = made(ListLearningConfig(users=7), 5), made(ListLearningConfig(users=7), 5)
    assert np.array_equal(once.features, again.features)
    assert np.array_equal(once.log_share, again.log_share)


def _block(counts: IntArray, n: int, config: ListLearningConfig, seed: int = 0) -> ListExamples:
    """Users who have bought item 0 and turn to `counts` others each, in a catalogue of `n`."""
    rng = np.random.default_rng(9)
    shop = shop_of(np.arange(len(counts)), np.zeros(len(counts), np.int64), n_items=n)
    known = latest_of_each(group_by_user(shop))
    user = np.repeat(np.arange(len(counts)), counts)
    target = np.concatenate([1 + rng.permutation(n - 1)[:count] for count in counts.tolist()])
    order = rng.permutation(len(user))
    features = UserFeatures(_signals(n, rng.random((4, n)).astype(np.float32)))
    shipped = np.array(list(DEFAULT_USERS.values()), np.float32)
    return list_examples(features, shipped, known, user[order], target[order], UserConfig(), config, seed)


SKEWED = np.append(np.full(300, 3), 1900)
SMALL = ListLearningConfig(targets=1000, targets_each=20, of_feature=5, of_mix=10, strangers=20)


def test_one_user_with_more_targets_than_the_budget_leaves_all_others_in() -> None:
    for seed in range(5):
        examples = _block(SKEWED, 2000, SMALL, seed)
        assert np.array_equal(np.sort(np.bincount(examples.case)), np.append(np.full(300, 3), 20))


def test_of_a_user_with_many_targets_some_are_drawn_at_random() -> None:
    config = replace(SMALL, targets_each=50)
    examples = _block(np.array([400]), 2000, config)
    found = examples.features[0, examples.column, -1]
    assert len(np.unique(found)) == 50
    everything = _block(np.array([400]), 2000, replace(SMALL, targets_each=400))
    assert np.isin(found, everything.features[0, everything.column, -1]).all()
    again = _block(np.array([400]), 2000, config)
    other = _block(np.array([400]), 2000, config, seed=1)
    assert np.array_equal(again.features, examples.features)
    assert not np.array_equal(other.features[0, other.column, -1], found)


def test_a_limit_of_targets_that_nobody_reaches_changes_nothing() -> None:
    counts = np.full(40, 3)
    limited, free = (_block(counts, 200, replace(SMALL, targets_each=most)) for most in (3, 1000))
    for one, other in zip(vars(limited).values(), vars(free).values(), strict=True):
        assert np.array_equal(one, other)


def test_one_user_with_many_targets_takes_no_more_memory_than_the_others() -> None:
    """Every user's row is as wide as the widest, and every target's in the second step."""

    def peak(counts: IntArray) -> int:
        tracemalloc.start()
        try:
            examples = _block(counts, 2000, replace(SMALL, targets=3000))
            list_weights(examples, np.zeros(len(USER_FEATURES), np.float32), ListLearningConfig(iterations=1))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(SKEWED[-3:])  # what is made once is made
    assert peak(SKEWED) < 1.3 * peak(SKEWED[:-1])


def test_large_catalogues_take_fewer_users() -> None:
    config = ListLearningConfig()
    assert [config.budget(n) for n in (0, 40_000, 1_000_000, 10**9)] == [4000, 4000, 200, 1]
    assert len(_block(np.full(40, 3), 200, replace(SMALL, max_cells=1500)).features) == 7


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("users", 0),
        ("max_cells", 0),
        ("targets", 1.5),
        ("targets_each", 0),
        ("min_targets", -1),
        ("min_users", 1),
        ("of_feature", -1),
        ("of_mix", True),
        ("strangers", 0),
        ("iterations", 0),
        ("prior", -1.0),
        ("min_gain", float("nan")),
        ("depth", 0.0),
        ("softness", "soft"),
    ],
)
def test_settings_that_make_no_sense_are_named(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"user_lists.{name} must be"):
        ListLearningConfig(**{name: value})  # type: ignore[arg-type]


def test_settings_of_releases_before_lists_still_open() -> None:
    values = IlkConfig().to_json()
    del values["user_lists"]
    values["mix"]["samples"] = 1
    values["user_learning"] = {"moved": [], "pairs": 1000, "prior": 1.0, "samples": 8}
    assert IlkConfig.from_json(values) == IlkConfig()
