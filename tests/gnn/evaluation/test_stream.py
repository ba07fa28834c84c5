"""The protocol `stream` on a planted shop whose tastes turn over: who does not learn must be seen to fail."""

from dataclasses import replace

import numpy as np
import pytest

from gnn.embedding_config import EmbeddingConfig
from gnn.evaluation import EvaluationData, UnfitData
from gnn.evaluation.stream import StreamConfig, stream
from gnn.evaluation.stream_increments import Fate
from gnn.evaluation.stream_result import STRATEGIES, StreamResult
from gnn.ilk_config import IlkConfig
from gnn.increment_exam import ExamConfig, IncrementExam
from gnn.incremental_config import IncrementalConfig
from gnn.shop_arrays import FloatArray
from gnn.training_config import TrainingConfig
from tests.gnn.evaluation.toy_shops import clustered_shop

MODEL = IlkConfig(
    embedding=EmbeddingConfig(dim=16),
    training=TrainingConfig(min_epochs=6, max_epochs=6),
    learn_mix=False,
    use_paths=False,
    use_trend=False,
)


def turning_shop() -> EvaluationData:
    """Clusters as in `clustered_shop`; after 60 % of the events every user moves to the next cluster."""
    shop = clustered_shop(clusters=4, per_cluster=12, users=80)
    late = np.arange(shop.n_events) >= shop.n_events * 6 // 10
    item = np.where(late, (shop.item + 12) % shop.n_items, shop.item)
    return EvaluationData("turning", replace(shop, item=item, text=None))


@pytest.fixture(scope="module")
def result() -> StreamResult:
    return stream(turning_shop(), StreamConfig(MODEL, IncrementalConfig(min_batch_size=64)), (0, 1))


def test_the_json_names_quality_and_cost_of_all_four(result: StreamResult) -> None:
    found = result.as_json()
    assert found["protocol"] == "stream"
    models = found["models"]
    assert isinstance(models, dict)
    assert tuple(models) == STRATEGIES
    for name in STRATEGIES:
        assert models[name]["next"]["warm"]["n"] > 0
        assert 0 <= models[name]["user_next"]["recall@20"] <= 1
    blocks = found["blocks"]
    assert isinstance(blocks, list)
    assert [block["block"] for block in blocks] == [1, 2, 3]  # the fourth block only judges
    relative = found["relative_to_full"]
    assert isinstance(relative, dict)
    assert models["incremental"]["increments"] == models["incremental"]["served"] == 1
    assert relative["stale"]["edge_gradients"] == relative["fold-in"]["edge_gradients"] == 0
    assert 0 < relative["incremental"]["edge_gradients"] < 1
    assert relative["incremental"]["next/warm"]["low"] <= relative["incremental"]["next/warm"]["high"]


def test_who_does_not_follow_falls_behind(result: StreamResult) -> None:
    def quality(name: str) -> float:
        found = result.relative(name)["user_next"]
        assert isinstance(found, dict)
        return float(found["quality"])

    assert quality("stale") < 0.8
    assert quality("fold-in") > quality("stale") + 0.1
    assert quality("incremental") > quality("stale") + 0.1


def test_all_four_read_one_text_space_without_reviews() -> None:
    def pooled(start: int, stop: int) -> FloatArray:
        raise AssertionError(f"reviews of {start}..{stop} are read by some of the models only")

    data = turning_shop()
    text = np.random.default_rng(0).standard_normal((data.shop.n_items, 8)).astype(np.float32)
    told = replace(data, shop=replace(data.shop, text=text), pool_reviews=pooled)
    short = replace(MODEL, training=TrainingConfig(min_epochs=1, max_epochs=1))
    assert len(stream(told, StreamConfig(short, IncrementalConfig(min_batch_size=64))).as_json()) > 0


def test_too_little_to_stream_is_refused() -> None:
    data = turning_shop()
    with pytest.raises(UnfitData, match="stream"):
        stream(replace(data, shop=data.shop.events(0, 99)), StreamConfig(MODEL))
    with pytest.raises(UnfitData, match="seeds"):
        stream(data, StreamConfig(MODEL), (0, 0))


def test_increments_by_a_rule_are_counted() -> None:
    class Rule:
        """Every forty events, a fifth of them held back; all serve."""

        exam = ExamConfig(pairs=100)

        def waits_for(self) -> int:
            return 40

        def holds_back(self, new: int) -> int:
            return 8

        def fate(self, exam: IncrementExam) -> Fate:
            return Fate.SERVES if exam.figures["finite"] else Fate.TAKEN_OUT

    short = replace(MODEL, training=TrainingConfig(min_epochs=1, max_epochs=1))
    found = stream(turning_shop(), StreamConfig(short, IncrementalConfig(min_batch_size=64), Rule)).as_json()
    settings, models = found["settings"], found["models"]
    assert isinstance(settings, dict)
    assert isinstance(models, dict)
    assert settings["increments"] == "as served"
    assert models["incremental"]["increments"] == models["incremental"]["served"] > 1
    assert "increments" not in models["fold-in"]
