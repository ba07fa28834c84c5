"""What a refresh would do, what it costs, and what memory it may take."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gnn import IlkConfig
from gnn.neighbour_regression import regression_bytes
from service.home import Home
from service.intake.load import load
from service.nightly.refresh import refresh
from service.nightly.refresh_cost import RefreshWork, expected_seconds
from service.nightly.refresh_memory import MIB, MemoryBudgetExceeded, estimated_peak
from service.nightly.refresh_plan import RefreshPlan, Stages, plan_refresh
from service.nightly.refresh_result import RefreshResult
from service.releases.store import ReleaseStore
from service.settings import Settings, load_settings
from service.stores import closing_both, open_log
from tests.graph.events import event, frame
from tests.service.conftest import TRIAL_FLAGS, quiet, trial_settings


def running(plan: RefreshPlan) -> list[str]:
    return [stage.name for stage in plan.stages if stage.runs]


def with_budget(home: Path, mib: int, over_budget: str = "refuse") -> Settings:
    flags = {**TRIAL_FLAGS, "refresh": {"memory_mib": mib, "over_budget": over_budget}}
    return load_settings(home, flags)


def test_before_the_first_refresh_everything_runs_and_no_time_is_known(
    tmp_path: Path, shop_folder: Path
) -> None:
    settings = trial_settings(tmp_path / "home")
    load(shop_folder, settings)
    plan = plan_refresh(settings)
    assert running(plan) == ["export", "encode", "train", "judge", "index", "write", "audit", "publish"]
    assert plan.texts_to_encode > 100
    assert plan.edges > 1000
    assert plan.new_events == 0
    assert plan.seconds is None
    assert ReleaseStore(Home(settings.home).releases).versions() == ()
    json.dumps(plan.to_json())


def test_the_plan_says_what_the_refresh_then_does(served_home: tuple[Path, RefreshResult]) -> None:
    home, result = served_home
    unchanged = plan_refresh(trial_settings(home))
    assert running(unchanged) == ["export"]
    assert str(result.release) in unchanged.stages[1].why
    assert unchanged.texts_to_encode == 0
    other = plan_refresh(load_settings(home, {**TRIAL_FLAGS, "model": {"seed": 5}}))
    assert running(other) == ["export", "encode", "train", "judge", "index", "write", "audit", "publish"]
    train = next(float(str(s["seconds"])) for s in result.stages if s["name"] == "train")
    assert next(s.seconds for s in other.stages if s.name == "train") == pytest.approx(train)
    assert other.seconds is not None
    assert other.seconds > train


def test_events_that_wait_for_the_graph_are_a_reason(tmp_path: Path, shop_folder: Path) -> None:
    settings = trial_settings(tmp_path / "home")
    load(shop_folder, settings)
    refresh(settings, quiet())
    log = open_log(Home(settings.home))
    with closing_both(log):
        log.append(frame(event("new", item_id="S0000", at=1_700_000_000_000_000)))
    plan = plan_refresh(settings)
    assert plan.new_events == 1
    assert "1 new events" in plan.stages[0].why
    assert "train" in running(plan)
    assert running(plan_refresh(settings)) == running(plan)  # looking changed nothing


def test_a_plan_lists_the_teaching_of_the_text_model(
    tmp_path: Path, shop_folder: Path, tiny_model: Path
) -> None:
    encoder = {"model": str(tiny_model), "fine_tune": {"enabled": True, "steps": 60, "learning_rate": 0.05}}
    settings = load_settings(tmp_path / "home", {**TRIAL_FLAGS, "encoder": encoder})
    load(shop_folder, settings)
    first = plan_refresh(settings)
    made = refresh(settings, quiet())
    assert running(first) == [stage["name"] for stage in made.stages]
    assert first.texts_to_encode > 100
    unchanged = plan_refresh(settings)
    assert running(unchanged) == ["export"]
    assert [stage.name for stage in unchanged.stages] == [stage.name for stage in first.stages]
    kept = plan_refresh(
        load_settings(tmp_path / "home", {**TRIAL_FLAGS, "encoder": encoder, "model": {"seed": 5}})
    )
    taught = next(stage for stage in kept.stages if stage.name == "fine-tune")
    assert (taught.runs, kept.texts_to_encode) == (False, 0)
    assert "learned from" in taught.why


def test_a_plan_lists_what_is_written_back_and_what_waits_for_a_person(
    tmp_path: Path, shop_folder: Path
) -> None:
    def names(flags: dict[str, object]) -> dict[str, bool]:
        settings = load_settings(tmp_path / "home", {**TRIAL_FLAGS, **flags})
        planned = Stages(settings, Home(settings.home), "inputs", 1, 0, None, fine_tunes=False, tuned=None)
        return {name: runs for name, runs, _ in planned.planned()}

    assert "write back" not in names({})
    server = {"url": "neo4j://127.0.0.1:1", "similar_edges": 10}
    assert names({"graph": server})["write back"]
    assert "write back" not in names({"graph": server | {"similar_edges": 0}})
    waiting = names({"graph": server, "refresh": {"approval": True}})
    assert not waiting["publish"]
    assert not waiting["write back"]


def test_seconds_grow_with_the_work_of_the_median_run() -> None:
    def run(edges: int, train: float, *, skipped: bool = False) -> dict[str, object]:
        stages = [
            {"name": "train", "seconds": train, "skipped": skipped},
            {"name": "encode", "seconds": 4.0, "skipped": False},
            {"name": "audit", "seconds": 2.0, "skipped": False},
        ]
        return {"stages": stages, "edges": edges, "items": 10, "encoded": 100}

    history: list[dict[str, object]] = [
        run(10, 1.0),
        run(10, 2.0),
        run(10, 30.0),
        run(10, 0.0, skipped=True),
        {"stages": []},
    ]
    expected = expected_seconds(history, RefreshWork(edges=20, items=10, encoded=50))
    assert expected == pytest.approx({"train": 4.0, "encode": 2.0, "audit": 2.0})
    older_make: list[dict[str, object]] = [{"stages": run(1, 1.0)["stages"]}]
    assert expected_seconds(older_make, RefreshWork(1, 1, 1)) == {"audit": 2.0}


def test_memory_grows_with_events_items_and_the_pairs_of_a_shopper() -> None:
    config, apart = IlkConfig(), np.arange(100_000)
    least = estimated_peak(apart[:0], 0, 0, config)
    one_each = estimated_peak(apart, 0, 0, config)
    together = estimated_peak(apart // 50, 0, 0, config)
    assert least < one_each < together
    assert estimated_peak(apart, 1000, 384, config) > one_each
    brute = sum(min(30, place % 50) for place in range(100_000))
    regressed = [regression_bytes(users, 0, config.regression) for users in (apart, apart // 50)]
    per_pair = (together - one_each - (regressed[1] - regressed[0])) / brute
    assert per_pair == pytest.approx(round(per_pair))  # every pair within the window, and no other


def test_memory_of_the_regression_is_part_of_the_estimate() -> None:
    user, config = np.repeat(np.arange(200), 500), IlkConfig()
    without = replace(config, use_paths=False)
    apart = estimated_peak(user, 100_000, 0, config) - estimated_peak(user, 100_000, 0, without)
    assert apart == regression_bytes(user, 100_000, config.regression) > 100 * MIB


def test_too_small_a_budget_refuses_or_learns_from_the_newest(tmp_path: Path, shop_folder: Path) -> None:
    settings = trial_settings(tmp_path / "home")
    load(shop_folder, settings)
    whole = plan_refresh(settings)
    enough = -(-whole.memory_bytes // MIB)
    assert plan_refresh(with_budget(settings.home, enough)).edges == whole.edges
    tight = enough - 1
    for act in (lambda s: plan_refresh(s), lambda s: refresh(s, quiet())):
        with pytest.raises(MemoryBudgetExceeded, match=r"refresh\.memory_mib"):
            act(with_budget(settings.home, tight))
    smaller = with_budget(settings.home, tight, "newest")
    plan = plan_refresh(smaller)
    assert 0 < plan.edges < whole.edges
    assert plan.left_out == {"memory_budget": whole.edges - plan.edges}
    assert plan.memory_bytes <= tight * MIB
    made = refresh(smaller, quiet())
    assert made.published
    assert made.metrics["selection"]["left_out"] == plan.left_out
    with pytest.raises(MemoryBudgetExceeded):
        plan_refresh(with_budget(settings.home, 256, "newest"))


def test_training_tells_how_long_its_parts_took(served_home: tuple[Path, RefreshResult]) -> None:
    train = next(stage for stage in served_home[1].stages if stage["name"] == "train")
    parts = train["parts"]
    assert isinstance(parts, dict)
    assert list(parts) == ["text", "embeddings", "paths", "mix", "final embeddings", "final paths"]
    assert sum(parts.values()) == pytest.approx(train["seconds"], rel=0.2, abs=0.2)
