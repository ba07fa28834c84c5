"""Learning the mix: finds a planted weight, keeps the defaults where it should."""

import numpy as np

from gnn.mix import Learned, MixExamples, agreed, learn_mix, ndcg, standard_errors
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
    return MixExamples(features, target, np.zeros((pairs, 60), np.bool_), np.ones(pairs, np.float32))


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
    alone = MixExamples(block.features, block.target, banned, block.weight)
    assert np.allclose(ndcg(block.features[:, :, 0], alone)[1:], 1.0)


def test_ties_count_half() -> None:
    block = examples(3)
    assert np.allclose(
        ndcg(
            np.zeros((3, 4), np.float32),
            MixExamples(
                np.zeros((3, 4, 1), np.float32),
                np.zeros(3, np.int64),
                np.zeros((3, 4), np.bool_),
                block.weight,
            ),
        ),
        1 / np.log2(1.5 + 2),
    )


def test_only_named_features_move() -> None:
    first, *others = DEFAULTS
    config = MixConfig(prior=0.1, trust=1.0, moved=(first,))
    learned = learn_mix(examples(600), DEFAULTS, config)
    assert learned[first] != DEFAULTS[first]
    assert all(learned[name] == DEFAULTS[name] for name in others)


def _taught(good: float, gain: float, carried: float, pairs: int = 100) -> Learned:
    """A sample whose gains have a mean of `gain` and a spread of 1."""
    gains = gain + np.where(np.arange(pairs) % 2, 1.0, -1.0)
    return Learned(np.array([good, 0.0], np.float32), gains.astype(np.float32), carried)


def test_samples_are_judged_as_one() -> None:
    unsure = [_taught(good, 0.05, carried) for good, carried in ((1.0, 2.0), (2.0, -1.0), (3.0, 1.0))]
    assert all(agreed([one], DEFAULTS, MixConfig()) == DEFAULTS for one in unsure)  # half a standard error
    assert agreed(unsure, DEFAULTS, MixConfig()) == {"good": 2.0, "noise": 0.0}


def test_samples_that_do_not_carry_over_together_teach_nothing() -> None:
    assert agreed([_taught(1.0, 0.5, 1.0), _taught(1.0, 0.5, -2.0)], DEFAULTS, MixConfig()) == DEFAULTS


def test_gains_of_one_group_count_as_one() -> None:
    gains = np.random.default_rng(0).normal(0.3, 1.0, 50)
    alone = standard_errors(gains)
    group = np.repeat(np.arange(50), 20)
    assert np.isclose(standard_errors(np.repeat(gains, 20), group), alone)
    assert np.isclose(standard_errors(gains, np.arange(50)), alone)
    assert standard_errors(np.repeat(gains, 20)) > 4 * alone
    assert standard_errors(gains, np.zeros(50, np.int64)) == 0.0
