"""What a fit may look at, and that it beats popularity on a real shop."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from gnn import fitting
from gnn.fitting import STAGES, fit_with
from gnn.histories import group_by_user, next_pairs
from gnn.ilk_config import IlkConfig
from gnn.ilk_model import IlkModel
from gnn.mix_learning import learned_mixes
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from gnn.signal_arrays import signals_to_arrays
from gnn.signals import ItemSignals
from gnn.training_config import TrainingConfig
from tests.gnn.shops import cluster_shop, shop_of

BRIEF = IlkConfig(training=TrainingConfig(min_epochs=2, max_epochs=3, negatives=128))


def test_shuffling_the_future_changes_no_signal_of_the_past(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the mixes are learned with; of one epoch, as which one is best is for the future to tell."""
    seen: list[ItemSignals] = []

    def noted(config: IlkConfig, signals: ItemSignals, *others: Any) -> Any:
        seen.append(signals)
        return learned_mixes(config, signals, *others)

    monkeypatch.setattr(fitting, "learned_mixes", noted)
    config = replace(BRIEF, training=replace(BRIEF.training, min_epochs=1, max_epochs=1))
    shop = cluster_shop(text=True)
    cut = shop.n_events * 8 // 9
    rng = np.random.default_rng(0)
    user, item = shop.user.copy(), shop.item.copy()
    user[cut:] = rng.permutation(user[cut:])
    item[cut:] = rng.permutation(item[cut:])
    other = shop_of(user, item, n_users=shop.n_users, n_items=shop.n_items, at=shop.at, text=shop.text)
    fits = [fit_with(config, one, 0) for one in (shop, other)]
    ours, theirs = map(signals_to_arrays, seen)
    assert ours[1] == theirs[1]
    for name, array in ours[0].items():
        assert np.array_equal(array, theirs[0][name]), name
    for name in ("trend", "embedding"):
        assert not np.array_equal(getattr(fits[0].model.signals, name), ours[0][name]), name


def test_progress_names_every_stage_in_order() -> None:
    seen: list[tuple[str, int, int]] = []
    fit_with(BRIEF, cluster_shop(text=True), 0, lambda stage, done, total: seen.append((stage, done, total)))
    assert list(dict.fromkeys(stage for stage, _, _ in seen)) == list(STAGES)
    for stage in STAGES:
        done, total = [(d, t) for name, d, t in seen if name == stage][-1]
        assert done == total


@pytest.mark.parametrize("off", ["use_embedding", "use_paths", "use_trend", "learn_mix"])
def test_every_part_can_be_left_out(off: str) -> None:
    shop = cluster_shop(text=True)
    model = IlkModel(IlkConfig.from_json({**BRIEF.to_json(), off: False}))
    model.fit(shop, seed=0)
    assert np.isfinite(model.score_similar(np.arange(5), Objective.NEXT)).all()
    assert (model.fitted.signals.embedding is None) == (off == "use_embedding")
    assert (model.fitted.signals.paths.matrices["co_engaged"].nnz == 0) == (off == "use_paths")
    assert bool(model.fitted.signals.trend.any()) == (off != "use_trend")


def test_read_only_arrays_are_fine() -> None:
    shop = cluster_shop(text=True)
    for column in (shop.user, shop.item, shop.at, shop.weight, shop.relation, shop.text):
        assert column is not None
        column.flags.writeable = False
    assert fit_with(BRIEF, shop, 0).epochs > 0


def movielens(folder: Path) -> ShopArrays:
    events = pl.read_csv(folder / "ml-100k" / "ml-100k.inter", separator="\t")
    events.columns = [name.split(":")[0] for name in events.columns]
    events = events.with_columns(pl.col("user_id", "item_id").cast(pl.String))
    events = events.sort("timestamp", "user_id", "item_id")
    users = events["user_id"].unique().sort().to_list()
    items = events["item_id"].unique().sort().to_list()
    user = events["user_id"].replace_strict(users, range(len(users)), return_dtype=pl.Int64).to_numpy()
    item = events["item_id"].replace_strict(items, range(len(items)), return_dtype=pl.Int64).to_numpy()
    at = (events["timestamp"].cast(pl.Int64) * 1_000_000).to_numpy()
    return shop_of(user, item, n_users=len(users), n_items=len(items), at=at)


def mean_ndcg(scores: FloatArray, query: IntArray, target: IntArray) -> float:
    scores = scores.copy()
    scores[np.arange(len(query)), query] = -np.inf
    own = scores[np.arange(len(query)), target][:, None]
    rank = (scores > own).sum(axis=1) + 0.5 * ((scores == own).sum(axis=1) - 1)
    return float(np.where(rank < 10, 1 / np.log2(rank + 2), 0.0).mean())


@pytest.mark.slow
def test_beats_popularity_by_a_real_margin(shared_data: Path) -> None:
    shop = movielens(shared_data)
    cut = shop.n_events * 9 // 10
    model = IlkModel()
    model.fit(shop.events(0, cut), seed=0)
    query, target, position = next_pairs(group_by_user(shop))
    query, target = query[position >= cut], target[position >= cut]
    popularity = np.bincount(shop.item[:cut], minlength=shop.n_items).astype(np.float32)
    theirs = mean_ndcg(np.tile(popularity, (len(query), 1)), query, target)
    assert mean_ndcg(model.score_similar(query, Objective.NEXT), query, target) > 2 * theirs
