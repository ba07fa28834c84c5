"""The page of an evaluation: complete, escaped, self-contained."""

from html.parser import HTMLParser
from typing import Any

import pytest

from gnn.baselines import baseline
from gnn.evaluation import EvaluationData, evaluate
from gnn.ilk_config import IlkConfig
from gnn.ilk_model import IlkModel
from gnn.training_config import TrainingConfig
from service.cli.evaluate import COLUMNS
from service.evaluating.charts import HEIGHT, WIDTH, cost_plot, forests, learning_plots, quintile_plots
from service.evaluating.html import evaluation_page
from tests.gnn.evaluation.toy_shops import clustered_shop


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    data = EvaluationData("a <shop>", clustered_shop())
    models = [baseline(name) for name in ("item-knn", "popularity", "rp3beta")]
    return evaluate(data, models, reference="item-knn").as_json()


class Tags(HTMLParser):
    """Counts tags and collects attributes that could reach another machine."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: dict[str, int] = {}
        self.outside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened[tag] = self.opened.get(tag, 0) + 1
        self.outside += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]


def test_the_page_holds_every_model_and_chart_and_nothing_foreign(result: dict[str, Any]) -> None:
    page = evaluation_page(result, COLUMNS)
    tags = Tags()
    tags.feed(page)
    assert "script" not in tags.opened
    assert tags.outside == []
    assert "a &lt;shop&gt;" in page
    assert "<shop>" not in page
    charts = len(forests(result)) + len(quintile_plots(result)) + 1
    assert tags.opened["svg"] == charts > 3
    assert page.count("<td>rp3beta</td>") == 2


def test_intervals_lie_in_order_within_the_chart(result: dict[str, Any]) -> None:
    drawn = forests(result)
    assert {forest.slice for forest in drawn} >= {"next/warm", "user_next"}
    for forest in drawn:
        for row in forest.rows:
            assert 0 < row.low <= row.middle <= row.high <= WIDTH
            assert (row.low > forest.zero) == (row.verdict == "better")


def test_costs_are_placed_by_magnitude(result: dict[str, Any]) -> None:
    slow = dict(result)
    slow["models"] = {
        name: figures | {"fit_seconds": 10.0**power}
        for power, (name, figures) in enumerate(result["models"].items())
    }
    plot = cost_plot(slow)
    assert plot is not None
    places = [line.dots[0].x for line in plot.lines]
    assert places[1] - places[0] == pytest.approx(places[2] - places[1], abs=0.2)
    assert [tick.label for tick in plot.x_ticks] == ["1 s", "10 s", "100 s"]


def test_learning_curves_show_what_was_judged_and_fall_silent_where_nothing_trains(
    result: dict[str, Any],
) -> None:
    assert learning_plots(result) == []
    model = IlkModel(
        IlkConfig(training=TrainingConfig(min_epochs=4, max_epochs=4, checks=2), learn_mix=False)
    )
    trained: dict[str, Any] = evaluate(EvaluationData("toy", clustered_shop()), [model]).as_json()
    epochs = trained["models"]["ilk"]["learning_curve"]
    first = [epoch for epoch in epochs if epoch["stage"] == "embeddings"]
    assert [epoch["epoch"] for epoch in first] == [1, 2, 3, 4]
    assert [epoch["ndcg"] is not None for epoch in first] == [False, True, False, True]
    assert all(epoch["ndcg"] is None for epoch in epochs if epoch["stage"] == "final embeddings")
    judged, loss = learning_plots(trained)
    assert [len(line.dots) for line in judged.lines] == [2]
    assert [line.model for line in loss.lines] == ["ilk: embeddings", "ilk: final embeddings"]
    assert all(0 <= dot.y <= HEIGHT and 0 <= dot.x <= WIDTH for line in loss.lines for dot in line.dots)
    assert loss.lines[0].dots[0].y < loss.lines[0].dots[-1].y, "the loss falls"
    assert "Learning curves" in evaluation_page(trained, COLUMNS)


def test_a_single_model_has_no_intervals() -> None:
    alone = evaluate(EvaluationData("toy", clustered_shop()), [baseline("popularity")]).as_json()
    assert "Differences" not in evaluation_page(alone, COLUMNS)


def test_what_a_part_is_worth_has_a_table_of_its_own_and_no_line_in_the_charts(
    result: dict[str, Any],
) -> None:
    figures = result["models"]["rp3beta"]
    halved = figures | {
        "user_next": figures["user_next"] | {"recall@20": figures["user_next"]["recall@20"] / 2}
    }
    models = {"ilk": figures, "ilk without trends": halved}
    page = evaluation_page(result | {"models": models, "comparisons": []}, COLUMNS)
    assert "What each part is worth" in page
    assert "<td>trends</td>" in page
    assert "<td>-50.0%</td>" in page
    assert "ilk without trends, " not in page
    assert "What each part is worth" not in evaluation_page(result, COLUMNS)
