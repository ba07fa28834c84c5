"""Learning the mix: finds a planted weight, keeps the defaults where it should."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gnn.ilk_config import IlkConfig
from gnn.mix import LEAST_GROUPS, MixExamples, learn_mix, ndcg, standard_errors
from gnn.mix_config import MixConfig
from gnn.shop_arrays import FloatArray

DEFAULTS = {"good": 0.1, "noise": 0.5}


def examples(pairs: int, *, flip_at: int | None = None, seed: int = 0) -> MixExamples:
    """Targets are drawn by softmax(2 x good); from pair `flip_at` on by softmax(-2 x good)."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(pairs, 60, 2)).astype(np.float32)
    sign = np.where(np.arange(pairs) < (pairs if flip_at is None else flip_at), 2.0, -2.0)
    chance = np.exp(sign[:, None] * features[:, :, 0])
    target = np.array([rng.choice(60, p=row / row.sum()) for row in chance])
    return MixExamples(features, target, np.zeros((pairs, 60), np.bool_))


def test_learning_moves_towards_the_planted_weights() -> None:
    learned = learn_mix(examples(600), DEFAULTS, MixConfig(prior=0.1, trust=1.0))
    assert 1.7 < learned["good"] < 2.3
    assert abs(learned["noise"]) < 0.15


def test_trust_makes_part_of_the_move() -> None:
    full = learn_mix(examples(600), DEFAULTS, MixConfig(trust=1.0))
    half = learn_mix(examples(600), DEFAULTS, MixConfig(trust=0.5))
    assert np.isclose(half["good"] - 0.1, 0.5 * (full["good"] - 0.1), atol=1e-4)


def test_learned_weights_rank_validation_no_worse() -> None:
    def total(block: MixExamples, weights: FloatArray) -> float:
        return float(ndcg(block.features @ weights, block).sum())

    for seed in range(5):
        block = examples(60, seed=seed)
        learned = learn_mix(block, DEFAULTS, MixConfig())
        start = np.array(list(DEFAULTS.values()), np.float32)
        assert total(block, np.array(list(learned.values()), np.float32)) >= total(block, start)


def test_few_pairs_keep_the_defaults() -> None:
    assert learn_mix(examples(29), DEFAULTS, MixConfig(min_pairs=30)) == DEFAULTS


def test_what_holds_in_one_half_of_the_block_only_is_not_learned() -> None:
    shifting = examples(600, flip_at=300)
    assert learn_mix(shifting, DEFAULTS, MixConfig()) == DEFAULTS


def test_banned_columns_do_not_compete() -> None:
    block = examples(40)
    banned = block.banned.copy()
    banned[np.arange(40) != 0] = True
    banned[np.arange(40), block.target] = False
    alone = MixExamples(block.features, block.target, banned)
    assert np.allclose(ndcg(block.features[:, :, 0], alone)[1:], 1.0)


def test_ties_count_half() -> None:
    block = MixExamples(np.zeros((3, 4, 1), np.float32), np.zeros(3, np.int64), np.zeros((3, 4), np.bool_))
    assert np.allclose(ndcg(np.zeros((3, 4), np.float32), block), 1 / np.log2(1.5 + 2))


def test_only_named_features_move() -> None:
    first, *others = DEFAULTS
    config = MixConfig(prior=0.1, trust=1.0, moved=(first,))
    learned = learn_mix(examples(600), DEFAULTS, config)
    assert learned[first] != DEFAULTS[first]
    assert all(learned[name] == DEFAULTS[name] for name in others)


def test_a_gain_within_noise_is_not_taken() -> None:
    assert learn_mix(examples(600), DEFAULTS, MixConfig(min_gain=1000.0)) == DEFAULTS


def test_pairs_of_a_few_groups_teach_nothing() -> None:
    pairs = examples(600)
    many, few = (replace(pairs, group=np.arange(600) % groups) for groups in (100, LEAST_GROUPS - 1))
    assert learn_mix(many, DEFAULTS, MixConfig()) == learn_mix(pairs, DEFAULTS, MixConfig()) != DEFAULTS
    assert learn_mix(few, DEFAULTS, MixConfig()) == DEFAULTS


@pytest.mark.parametrize("pairs", [0, 1, 2])
def test_next_to_no_pairs_are_no_error(pairs: int) -> None:
    learned = learn_mix(examples(pairs), DEFAULTS, MixConfig(min_pairs=0))
    assert learned.keys() == DEFAULTS.keys()
    assert pairs == 2 or learned == DEFAULTS


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pairs", -1),
        ("min_pairs", 1.5),
        ("prior", -1.0),
        ("prior", float("nan")),
        ("trust", 1.1),
        ("min_gain", "much"),
        ("iterations", 0),
        ("max_cells", True),
    ],
)
def test_settings_that_cannot_be_meant_are_refused_by_name(name: str, value: Any) -> None:
    for section in ("mix", "together_learning"):
        values = IlkConfig().to_json()
        values[section][name] = value
        with pytest.raises(ValueError, match=f"{name} of mix or together_learning must be a"):
            IlkConfig.from_json(values)


def test_gains_of_one_group_count_as_one() -> None:
    gains = np.random.default_rng(0).normal(0.3, 1.0, 50)
    alone = standard_errors(gains)
    group = np.repeat(np.arange(50), 20)
    of_fifty = alone * np.sqrt(49 / 50)
    assert np.isclose(standard_errors(np.repeat(gains, 20), group), of_fifty)
    assert np.isclose(standard_errors(gains, np.arange(50)), of_fifty)
    assert standard_errors(np.repeat(gains, 20)) > 4 * alone
    assert standard_errors(gains, np.zeros(50, np.int64)) == 0.0


def test_groups_whose_sums_cancel_are_no_surer_than_single_gains() -> None:
    gains = np.tile([1.0, -0.9], 40)  # in each group as many of both: all groups have the same sum
    assert standard_errors(gains, np.repeat(np.arange(20), 4)) == standard_errors(gains) < 1.0
    assert standard_errors(np.array([1.0, -0.9, 1.0, -0.9]), np.array([0, 0, 1, 1])) == 0.0


def test_a_few_groups_tell_losses_only() -> None:
    gains = np.random.default_rng(0).normal(1.0, 0.1, 90)
    few, enough = np.arange(90) % (LEAST_GROUPS - 1), np.arange(90) % LEAST_GROUPS
    assert standard_errors(gains, few) == 0.0 == standard_errors(np.ones(90), few)
    assert standard_errors(-gains, few) < -10.0
    assert standard_errors(np.full(90, -0.5), few) == -np.inf
    assert standard_errors(gains, enough) > 10.0
    assert standard_errors(gains[:0], few[:0]) == 0.0
