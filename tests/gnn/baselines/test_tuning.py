"""Settings are chosen on the newest events, fairly and without looking at the test."""

import inspect
from functools import partial

import numpy as np
import pytest

from gnn.baselines import BASELINES, ItemKnn, ItemKnnConfig, Tuned, Tuning, baseline, registry
from gnn.baselines.tuning import BUDGET, best_settings
from gnn.evaluation import EvaluationData, UnfitData, evaluate
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from tests.gnn.evaluation.toy_shops import clustered_shop


def test_every_grid_uses_the_whole_budget_and_holds_the_fixed_settings() -> None:
    for name, settings in registry._GRIDS.items():
        assert len(settings) == BUDGET, name
        configs = [part.args[0] for part in settings if isinstance(part, partial)]
        assert len(set(configs)) == BUDGET, name
        default = inspect.signature(type(settings[0]())).parameters["config"].default
        assert default in configs, f"{name} could come out worse than its fixed settings"
    assert set(BASELINES) - set(registry._GRIDS) == {"popularity"}


class Shifted:
    """Predicts item + shift; remembers how many events it was fitted on."""

    name = "shifted"
    deterministic = True

    def __init__(self, shift: int, fits: list[tuple[int, int]]) -> None:
        self._shift, self._fits = shift, fits

    def fit(self, shop: ShopArrays, seed: int) -> None:
        self._n_items = shop.n_items
        self._fits.append((self._shift, shop.n_events))

    def score_similar(self, query: IntArray, objective: Objective) -> FloatArray:
        return np.eye(self._n_items, dtype=np.float32)[(query + self._shift) % self._n_items]

    def score_users(self, users: IntArray) -> FloatArray | None:
        return None


def cyclic_shop() -> ShopArrays:
    """Every user goes from item i to item i + 2."""
    users, steps, n_items = 20, 30, 12
    user = np.tile(np.arange(users), steps)
    step = np.repeat(np.arange(steps), users)
    return ShopArrays(
        n_users=users,
        n_items=n_items,
        user=user,
        item=(user + 2 * step) % n_items,
        at=step.astype(np.int64),
        weight=np.ones(len(user), np.float32),
        relation=np.zeros(len(user), np.int8),
    )


def test_the_best_setting_is_found_on_the_newest_ninth_and_fitted_on_all() -> None:
    fits: list[tuple[int, int]] = []
    shop = cyclic_shop()
    tuned = Tuned([partial(Shifted, shift, fits) for shift in (1, 2, 3)])
    tuned.fit(shop, 0)
    old = shop.n_events * 8 // 9
    assert fits == [(1, old), (2, old), (3, old), (2, shop.n_events)]
    for objective in Objective:
        assert tuned.score_similar(np.array([4]), objective)[0].argmax() == 6
    assert tuned.score_users(np.array([0])) is None
    assert tuned.deterministic


def test_best_settings_by_task() -> None:
    figures = [
        {"next/warm": 0.1, "basket/warm": 0.9, "user_next": 0.2},
        {"next/warm": 0.2, "basket/warm": 0.8, "user_next": 0.1},
    ]
    # related: (0.5 + 1) / 2 against (1 + 0.89) / 2
    assert best_settings(figures) == {"related": 1, "next": 1, "together": 0, "users": 0}


def test_without_cases_the_first_setting_stays() -> None:
    assert set(best_settings([{}, {}]).values()) == {0}


@pytest.mark.parametrize("count", [0, BUDGET + 1])
def test_budgets_are_equal(count: int) -> None:
    with pytest.raises(UnfitData):
        Tuned([partial(ItemKnn, ItemKnnConfig())] * count)


def test_tuned_baselines_take_part_in_an_evaluation() -> None:
    data = EvaluationData("toy", clustered_shop())
    names = ["popularity", "recent-popularity", "item-knn", "rp3beta", "ease", "text", "text+knn"]
    result = evaluate(data, [baseline(name, Tuning.VALID) for name in names])
    assert list(result.runs) == names
    assert all(len(runs) == 1 for runs in result.runs.values())
