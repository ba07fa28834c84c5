"""Items without an event, found by paths that end with a text: they are like what follows the query."""

from dataclasses import replace

import numpy as np
import pytest

from gnn.fitted_ilk import FittedIlk
from gnn.fitting import fit_with
from gnn.ilk_config import IlkConfig
from gnn.layered_rows import cells
from gnn.objective import Objective
from gnn.shop_arrays import ShopArrays
from gnn.similar_features import RARE_PATHS, SimilarFeatures, rarity
from tests.gnn.shops import shop_of

ITEMS = 40
"""Even ones are bought after odd ones; the text of item i is near those of i + 2 and i - 2."""
NEW = ITEMS, ITEMS + 1
"""Their texts are between those of items 20 and 22, and 21 and 23; nobody has bought them."""
CONFIG = IlkConfig(use_embedding=False)
NOTHING = np.zeros(0, np.int64)


def circle(place: np.ndarray, odd: np.ndarray) -> np.ndarray:
    """Odd and even items on a circle each, in planes of their own."""
    angle = 2 * np.pi * place / ITEMS
    plane = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.concatenate([plane * odd[:, None], plane * ~odd[:, None]], axis=1).astype(np.float32)


@pytest.fixture(scope="module")
def shop() -> ShopArrays:
    """Everybody buys an odd item and then the even one beside it, three times."""
    rng = np.random.default_rng(0)
    pair = rng.permutation(np.repeat(np.arange(0, ITEMS, 2), 12))
    user = np.repeat(np.arange(len(pair)) // 3, 2)
    item = np.stack([pair + 1, pair], axis=1).ravel()
    place = np.append(np.arange(ITEMS), [21, 22]).astype(np.float64)
    odd = np.append(np.arange(ITEMS) % 2 == 1, [False, True])
    return shop_of(user, item, n_items=ITEMS + 2, text=circle(place, odd))


@pytest.fixture(scope="module")
def model(shop: ShopArrays) -> FittedIlk:
    return fit_with(CONFIG, shop, seed=0).model


def without(model: FittedIlk) -> FittedIlk:
    mixes = {objective: mix | {"paths_rare": 0.0} for objective, mix in model.mixes.items()}
    return FittedIlk(model.signals, mixes, model.user_mix, model.config)


def test_the_feature_is_the_two_paths_times_how_little_a_target_is_known(model: FittedIlk) -> None:
    query, s = np.arange(ITEMS), model.signals
    paths = sum(
        share * cells(s.paths.matrices[name], query, None) * s.evidence[query][:, None]
        for name, share in RARE_PATHS.items()
    )
    found = SimilarFeatures(s).block("paths_rare", query)
    assert np.allclose(found, paths * (1.0 - s.evidence) ** 2, atol=1e-6)
    some = np.array([NEW[0], 3, NEW[1]])
    assert np.array_equal(SimilarFeatures(s).block("paths_rare", query, some), found[:, some])
    assert found[:, NEW].any()


def test_it_fades_with_the_first_events_of_an_item() -> None:
    events = np.array([0.0, 1.0, 3.0, 100.0])
    faded = rarity((events / (events + CONFIG.evidence_kappa)).astype(np.float32))
    assert np.allclose(faded, [1.0, 0.5625, 0.25, 0.0008], atol=1e-4)


def test_a_new_item_like_what_follows_the_query_is_found_by_it(model: FittedIlk) -> None:
    """Item 21 is followed by item 20, which the first new item's text is near; the second is like item 21."""
    query = np.array([21])
    ours, theirs = (
        model.score_similar(query, Objective.NEXT)[0],
        without(model).score_similar(query, Objective.NEXT)[0],
    )
    gain = ours - theirs
    assert gain[NEW[0]] > 0.1
    assert gain[:ITEMS].max() < 0.1 * gain[NEW[0]]
    for objective in (Objective.TOGETHER, Objective.RELATED):
        assert np.array_equal(
            model.score_similar(query, objective), without(model).score_similar(query, objective)
        )


def test_it_is_served_as_it_is_evaluated_and_explained_by_shared_shoppers(model: FittedIlk) -> None:
    found = model.candidates(21, Objective.NEXT, NOTHING)
    assert NEW[0] in found
    assert np.allclose(
        model.score_candidates(21, found, Objective.NEXT),
        model.score_similar(np.array([21]), Objective.NEXT)[0][found],
        atol=1e-5,
    )
    place = found.tolist().index(NEW[0])
    assert model.contributions(21, found, Objective.NEXT)["paths_rare"][place] > 0.1
    # by these paths alone: nothing else leads there
    alone = dict.fromkeys(model.mixes[Objective.NEXT], 0.0) | {"paths_rare": 0.4}
    by_them = FittedIlk(model.signals, {**model.mixes, Objective.NEXT: alone}, model.user_mix, model.config)
    assert by_them.candidates(21, Objective.NEXT, NOTHING)[:40].tolist().count(NEW[0]) == 1


def test_a_release_from_before_ranks_as_it_did(model: FittedIlk) -> None:
    arrays, config = model.to_arrays()
    for mix in config["mixes"].values():
        mix.pop("paths_rare")
    restored = FittedIlk.from_arrays(arrays, config)
    query = np.arange(ITEMS + 2)
    assert restored.mixes[Objective.NEXT]["paths_rare"] == 0.0
    assert np.array_equal(
        restored.score_similar(query, Objective.NEXT), without(model).score_similar(query, Objective.NEXT)
    )


def test_texts_alone_have_no_such_paths(shop: ShopArrays) -> None:
    fitted = fit_with(replace(CONFIG, use_paths=False), shop, seed=0).model
    assert not SimilarFeatures(fitted.signals).block("paths_rare", np.arange(ITEMS)).any()


def test_a_path_weighed_below_nothing_is_no_reason_to_score_a_known_item(model: FittedIlk) -> None:
    """A learned mix may give a path a small negative weight, which the one for rare targets outweighs."""
    alone = dict.fromkeys(model.mixes[Objective.NEXT], 0.0) | {"paths_rare": 1.0}

    def candidates(weight: float) -> set[int]:
        mixes = model.mixes | {Objective.NEXT: alone | {"co_engaged_text": weight}}
        weighed = FittedIlk(model.signals, mixes, model.user_mix, model.config)
        return set(weighed.candidates(21, Objective.NEXT, NOTHING).tolist())

    assert candidates(-0.5) < candidates(0.0)
    assert NEW[0] in candidates(-0.5)
