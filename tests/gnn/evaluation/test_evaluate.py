"""The whole evaluation on small shops with known answers."""

import json
from dataclasses import replace

import numpy as np
import pytest

from gnn.baselines import baseline
from gnn.evaluation import (
    EvaluationData,
    EvaluationProtocol,
    InvalidScores,
    ModelUnavailable,
    UnfitData,
    evaluate,
    temporal_splits,
)
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from tests.gnn.evaluation.toy_shops import clustered_shop


class Probe:
    """Keeps what it was shown; scores depend on the seed."""

    def __init__(self, name: str = "probe") -> None:
        self.name = name
        self.seen: list[tuple[ShopArrays, int]] = []
        self.objectives: set[Objective] = set()

    def fit(self, shop: ShopArrays, seed: int) -> None:
        self.seen.append((shop, seed))

    def _random(self, rows: int) -> FloatArray:
        shop, seed = self.seen[-1]
        return np.random.default_rng(seed).random((rows, shop.n_items), dtype=np.float32)

    def score_similar(self, query: IntArray, objective: Objective) -> FloatArray:
        self.objectives.add(objective)
        return self._random(len(query))

    def score_users(self, users: IntArray) -> FloatArray | None:
        return self._random(len(users))


class Unavailable(Probe):
    def fit(self, shop: ShopArrays, seed: int) -> None:
        raise ModelUnavailable("needs a machine from the future")


class Oracle(Probe):
    """Knows the clusters: the best that a model can do."""

    def __init__(self, per_cluster: int) -> None:
        super().__init__("ilk")
        self._per_cluster = per_cluster

    def score_similar(self, query: IntArray, objective: Objective) -> FloatArray:
        cluster = np.arange(self.seen[-1][0].n_items) // self._per_cluster
        same: FloatArray = (cluster[query][:, None] == cluster).astype(np.float32)
        return same


@pytest.fixture
def data() -> EvaluationData:
    shop = clustered_shop()
    query = np.repeat(np.arange(shop.n_items), 2)
    target = (query // 12) * 12 + (query % 12 + np.tile([1, 2], shop.n_items)) % 12
    return EvaluationData("toy", shop, links={"also_buy": (query, target)})


def test_models_see_the_past_only_and_every_objective(data: EvaluationData) -> None:
    probe = Probe()
    evaluate(data, [probe], seeds=[3, 5], windows=2)
    splits = temporal_splits(data.shop.n_events, 2)
    assert [(shop.n_events, seed) for shop, seed in probe.seen] == [
        (split.fit_stop, seed) for split in splits for seed in (3, 5)
    ]
    for shop, _ in probe.seen:
        assert shop.item.tolist() == data.shop.item[: shop.n_events].tolist()
        assert shop.n_items == data.shop.n_items
    assert probe.objectives == {Objective.NEXT, Objective.RELATED}  # the toy has no baskets


def test_shuffling_the_future_changes_nothing_that_a_model_sees(data: EvaluationData) -> None:
    (split,) = temporal_splits(data.shop.n_events, 1)
    item = data.shop.item.copy()
    np.random.default_rng(0).shuffle(item[split.fit_stop :])
    shuffled = replace(data, shop=replace(data.shop, item=item))
    seen = []
    for version in (data, shuffled):
        model = baseline("item-knn")
        evaluate(version, [model])
        seen.append(model.score_similar(np.arange(data.shop.n_items), Objective.NEXT))
    assert np.array_equal(seen[0], seen[1])


def test_json_has_the_promised_shape(data: EvaluationData) -> None:
    models = [
        Oracle(12),
        baseline("popularity"),
        baseline("item-knn"),
        baseline("text+knn"),
        Unavailable("x"),
    ]
    result = json.loads(json.dumps(evaluate(data, models, seeds=[0, 1], settings={"tune": "none"}).as_json()))
    assert result["dataset"] == "toy"
    assert result["protocol"] == "temporal"
    assert result["seeds"] == [0, 1]
    assert result["settings"] == {"windows": 1, "reference": "ilk", "tune": "none"}
    assert result["skipped"] == {"x": "needs a machine from the future"}
    assert list(result["models"]) == ["ilk", "popularity", "item-knn", "text+knn"]
    knn = result["models"]["item-knn"]
    assert set(knn["next"]["warm"]) == {"hr@10", "hr@10_sd", "ndcg@10", "ndcg@10_sd", "n"}
    assert set(knn["links"]["also_buy"]["warm"]) == {
        "recall@10",
        "recall@10_sd",
        "ndcg@10",
        "ndcg@10_sd",
        "n",
    }
    wanted = {"recall@20", "ndcg@20", "precision@10", "f1@10"}
    assert set(knn["user_next"]) == wanted | {f"{name}_sd" for name in wanted} | {"n"}
    assert knn["fit_seconds"] >= 0
    assert set(knn["health"]) >= {"coverage@10", "gini", "long_tail_share", "intra_list_diversity"}
    assert "basket" not in knn
    assert "user_next" not in result["models"]["text+knn"]
    assert {row["model"] for row in result["comparisons"]} == {"ilk"}
    assert {row["against"] for row in result["comparisons"]} == {"popularity", "item-knn", "text+knn"}


def test_known_clusters_are_recognised(data: EvaluationData) -> None:
    result = evaluate(data, [Oracle(12), baseline("popularity"), baseline("item-knn")])
    figures = result.as_json()["models"]
    assert isinstance(figures, dict)
    assert figures["ilk"]["next"]["warm"]["hr@10"] == 1.0  # eleven candidates tie: rank 5
    assert figures["item-knn"]["next"]["warm"]["hr@10"] > 0.7
    assert figures["popularity"]["next"]["warm"]["hr@10"] < 0.4
    verdicts = {(row.against, row.slice): row for row in result.comparisons}
    assert verdicts["popularity", "next/warm"].verdict == "better"
    slices = figures["item-knn"]["slices"]["next_by_popularity"]
    assert sum(part["n"] for part in slices.values()) == figures["item-knn"]["next"]["warm"]["n"]
    assert all(part["decides"] == (part["n"] >= 150) for part in slices.values())


def test_deviation_over_seeds(data: EvaluationData) -> None:
    single = [evaluate(data, [Probe()], seeds=[seed]).as_json() for seed in (0, 1, 2)]
    both = evaluate(data, [Probe()], seeds=[0, 1, 2]).as_json()
    values = [r["models"]["probe"]["user_next"]["recall@20"] for r in single]  # type: ignore[index]
    found = both["models"]["probe"]["user_next"]  # type: ignore[index]
    assert found["recall@20"] == pytest.approx(np.mean(values))
    assert found["recall@20_sd"] == pytest.approx(np.std(values, ddof=1))
    assert found["recall@20_sd"] > 0
    assert found["n"] == single[0]["models"]["probe"]["user_next"]["n"]  # type: ignore[index]


def test_windows_are_averaged(data: EvaluationData) -> None:
    result = evaluate(data, [baseline("item-knn")], windows=3)
    runs = result.runs["item-knn"]
    warm = [next(s for s in run.scores if s.path == ("next", "warm")) for run in runs]
    figures = result.as_json()["models"]["item-knn"]["next"]["warm"]  # type: ignore[index]
    assert figures["ndcg@10"] == pytest.approx(np.mean([part.values["ndcg@10"].mean() for part in warm]))
    assert figures["n"] == sum(part.n for part in warm)


def test_deterministic_models_are_fitted_once(data: EvaluationData) -> None:
    steps: list[tuple[str, int, int]] = []
    result = evaluate(
        data,
        [baseline("popularity"), Probe()],
        seeds=[0, 1],
        progress=lambda what, done, total: steps.append((what, done, total)),
    )
    assert len(result.runs["popularity"]) == 1
    assert len(result.runs["probe"]) == 2
    assert [step[1:] for step in steps] == [(0, 3), (1, 3), (2, 3)]
    assert steps[0][0].startswith("popularity")


def test_given_split_judges_users_only(data: EvaluationData) -> None:
    n = data.shop.n_events
    given = replace(data, shop=replace(data.shop, at=np.zeros(n, np.int64)), given_split=n // 2)
    probe = Probe()
    figures = evaluate(given, [probe], protocol=EvaluationProtocol.GIVEN_SPLIT).as_json()["models"]
    assert isinstance(figures, dict)
    assert set(figures["probe"]) == {"user_next", "health", "fit_seconds"}
    assert probe.seen[0][0].n_events == n // 2


def test_unfit_requests_are_refused(data: EvaluationData) -> None:
    with pytest.raises(UnfitData, match="split of its own"):
        evaluate(data, [Probe()], protocol=EvaluationProtocol.GIVEN_SPLIT)
    with pytest.raises(UnfitData, match="different"):
        evaluate(data, [Probe(), Probe()])
    with pytest.raises(UnfitData, match="models"):
        evaluate(data, [])
    with pytest.raises(UnfitData, match="seeds"):
        evaluate(data, [Probe()], seeds=[1, 1])


def test_nan_is_an_error_not_a_rank(data: EvaluationData) -> None:
    class Broken(Probe):
        def score_similar(self, query: IntArray, objective: Objective) -> FloatArray:
            return np.full((len(query), self.seen[-1][0].n_items), np.nan, np.float32)

    with pytest.raises(InvalidScores):
        evaluate(data, [Broken()])
