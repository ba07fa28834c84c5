"""Ablations: one fit for all variants; what is left out no longer counts."""

from dataclasses import replace

import numpy as np
import pytest

from gnn import IlkConfig
from gnn.evaluation.ablation import PARTS, Ablated, SharedFits, ablations
from gnn.objective import Objective
from gnn.similar_features import SIMILAR_FEATURES
from gnn.user_features import USER_FEATURES
from tests.gnn.evaluation.toy_shops import clustered_shop

QUERY = np.arange(6)


@pytest.fixture(scope="module")
def fits() -> SharedFits:
    few = replace(IlkConfig().training, min_epochs=2, max_epochs=2)
    return SharedFits(replace(IlkConfig(), training=few))


def test_variants_share_one_fit_and_nothing_left_out_is_the_model_itself(fits: SharedFits) -> None:
    shop = clustered_shop()
    whole = Ablated("ilk", fits)
    whole.fit(shop, 0)
    model = fits.of(shop, 0)
    assert fits.of(shop, 0) is model
    for objective in Objective:
        assert np.array_equal(whole.score_similar(QUERY, objective), model.score_similar(QUERY, objective))
    assert np.array_equal(whole.score_users(QUERY), model.score_users(QUERY))


def test_a_part_that_is_left_out_changes_scores_and_its_features_add_nothing(fits: SharedFits) -> None:
    shop = clustered_shop()
    whole = fits.of(shop, 0)
    variant = next(one for one in ablations(fits) if one.name == "trained embeddings")
    variant.fit(shop, 0)
    before = whole.fitted.contributions(0, np.arange(1, 9), Objective.NEXT)
    removed = sum(before[name] for name in PARTS["trained embeddings"] if name in before)
    expected = whole.score_similar(np.array([0]), Objective.NEXT)[0, 1:9] - removed
    assert np.abs(removed).max() > 0
    assert variant.score_similar(np.array([0]), Objective.NEXT)[0, 1:9] == pytest.approx(expected, abs=1e-4)


def test_every_feature_of_a_part_exists() -> None:
    known = {*SIMILAR_FEATURES, *USER_FEATURES}
    assert {name for names in PARTS.values() for name in names} <= known


def test_without_review_texts_is_a_fit_on_the_items_own_texts(fits: SharedFits) -> None:
    shop = clustered_shop()
    assert shop.text is not None
    reviewed = replace(shop, review_text=shop.text[::-1].copy())
    whole, without = Ablated("ilk", fits), ablations(fits, reviews=True)[-2]
    assert without.name == "review texts"
    whole.fit(reviewed, 0)
    without.fit(reviewed, 0)
    plain = fits.of(shop, 0)
    assert np.array_equal(without.score_users(QUERY), plain.score_users(QUERY))
    assert not np.array_equal(whole.score_users(QUERY), plain.score_users(QUERY))
    assert not any(one.name == "review texts" for one in ablations(fits))
