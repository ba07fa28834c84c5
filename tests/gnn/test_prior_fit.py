"""A loss worked out in parts is the loss: the same weights, whatever the parts."""

import numpy as np
import pytest
import torch

from gnn.ilk_config import IlkConfig
from gnn.list_learning import learned_list_mix, list_weights
from gnn.mix import fit_weights, learn_mix
from gnn.mix_config import ListLearningConfig, MixConfig
from gnn.prior_fit import fitted_shift, in_parts
from tests.gnn.test_list_learning import DEFAULTS, planted
from tests.gnn.test_mix import examples

START = np.array([0.1, 0.5], np.float32)


def test_the_sum_and_its_gradient_are_those_of_the_parts() -> None:
    weights = torch.tensor([1.0, -2.0], requires_grad=True)
    loss = 3 * in_parts([lambda w: w.square().sum(), lambda w: w[0] * w[1], lambda w: w[0]])(weights)
    torch.autograd.backward(loss)
    assert float(loss.detach()) == 3 * (5.0 - 2.0 + 1.0)
    assert weights.grad is not None
    assert weights.grad.tolist() == [3 * (2.0 - 2.0 + 1.0), 3 * (-4.0 + 1.0)]


def test_of_no_parts_the_prior_alone_is_left() -> None:
    assert not fitted_shift(START, in_parts([]), 1.0, 10, 5).any()


@pytest.mark.parametrize("cells", [1, 1_000, 10**9])
def test_a_mix_of_pairs_does_not_depend_on_the_parts(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    config = MixConfig(prior=0.1, trust=1.0)
    whole, taken = fit_weights(examples(200), START, config), learn_mix(examples(200), DEFAULTS, config)
    monkeypatch.setattr("gnn.mix._CELLS_AT_ONCE", cells)
    assert np.allclose(fit_weights(examples(200), START, config), whole, atol=1e-3)
    assert learn_mix(examples(200), DEFAULTS, config) == pytest.approx(taken, abs=1e-3)


@pytest.mark.parametrize("cells", [1, 1_000, 10**9])
def test_a_mix_of_lists_does_not_depend_on_the_parts(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Users of several targets each: a part has all of a user's."""
    config, block = IlkConfig().user_lists, planted(100, targets=3)
    whole, taken = list_weights(block, START, config), learned_list_mix(block, DEFAULTS, config)
    monkeypatch.setattr("gnn.list_examples.CELLS_IN_A_PART", cells)
    assert np.allclose(list_weights(block, START, config), whole, atol=1e-3)
    assert learned_list_mix(block, DEFAULTS, ListLearningConfig()) == pytest.approx(taken, abs=1e-3)
