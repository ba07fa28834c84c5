"""What a refresh would do, what it costs, and what memory it may take."""

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gnn import IlkConfig
from gnn.histories import group_by_user
from gnn.item_signals import item_signals
from gnn.mix_learning import NewestBlock, learned_mixes
from gnn.neighbour_regression import regression_bytes
from service.home import Home
from service.intake.load import load
from service.nightly.refresh import refresh
from service.nightly.refresh_cost import RefreshWork, expected_seconds
from service.nightly.refresh_memory import MIB, MemoryBudgetExceeded, estimated_peak, examples_bytes
from service.nightly.refresh_plan import RefreshPlan, Stages, plan_refresh
from service.nightly.refresh_result import RefreshResult
from service.releases.store import ReleaseStore
from service.settings import Settings, load_settings
from service.stores import closing_both, open_log
from tests.gnn.shops import shop_of
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


def held_alone() -> IlkConfig:
    """Nothing but events, items and paths."""
    return replace(IlkConfig(), use_embedding=False, learn_mix=False)


def test_memory_grows_with_events_users_and_items() -> None:
    config, apart = held_alone(), np.arange(100_000)
    least = estimated_peak(apart[:0], 0, 0, config)
    assert least < estimated_peak(apart // 50, 0, 0, config) < estimated_peak(apart, 0, 0, config)
    one_each = estimated_peak(apart, 1000, 0, config)
    assert one_each < estimated_peak(apart, 1000, 384, config) < estimated_peak(apart, 2000, 384, config)


@pytest.mark.parametrize("n_items", [10, 10_000, 200_000])
def test_memory_of_the_paths_is_that_of_their_result_and_one_block_or_the_regression(n_items: int) -> None:
    user, config = np.arange(100_000) // 50, held_alone()
    without = estimated_peak(user, n_items, 0, replace(config, use_paths=False))
    both_ways = min(2 * sum(min(30, place % 50) for place in range(100_000)), n_items**2)
    made = 4 * both_ways + min(32 * both_ways, 100_000_000)
    passing = max(made, regression_bytes(user, n_items, config.regression))
    encoding = 200 * MIB  # what passes where nothing else does
    more = 8 * both_ways + max(passing - encoding, 0)
    assert estimated_peak(user, n_items, 0, config) - without == more


def test_memory_of_examples_is_bounded_and_that_of_a_small_shop_small() -> None:
    config = IlkConfig()
    many = [examples_bytes(events, items, config) for events in (10**6, 10**8) for items in (5_000, 10**6)]
    assert all(6 * config.mix.max_cells * 0.9 <= one <= 480_000_000 for one in many)
    assert examples_bytes(900, 50, config) == 6 * 100 * 50 * 14
    assert examples_bytes(10**6, 5_000, replace(config, learn_mix=False)) == 0
    wider = replace(config, user_lists=replace(config.user_lists, of_feature=100))
    assert examples_bytes(10**6, 5_000, wider) > many[0]
    more = replace(config, mix=replace(config.mix, max_cells=10**8, pairs=2_000))
    assert examples_bytes(10**6, 5_000, more) > many[0]
    deeper = replace(config.relation_learning, contenders=1000, max_cells=2 * 10**8)
    assert examples_bytes(10**6, 5_000, replace(config, relation_learning=deeper)) > many[0]


def test_memory_of_examples_is_above_what_learning_takes() -> None:
    """All that numpy holds on top while a made-up shop learns: its block is long enough for all of it."""
    rng, n = np.random.default_rng(0), 30_000
    shop = shop_of(np.sort(rng.integers(0, 2000, n)), rng.integers(0, 300, n), n_users=2000, n_items=300)
    config = replace(IlkConfig(), use_embedding=False)
    block = NewestBlock.of(shop)
    signals = item_signals(config, block.older, group_by_user(block.older), None, None)
    tracemalloc.start()
    try:
        learned_mixes(config, signals, block, 0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < examples_bytes(n, shop.n_items, config) < 3 * peak


def test_a_training_step_takes_what_is_looked_at_together() -> None:
    user = np.arange(10**6) // 50

    def peak(**training: Any) -> int:
        base = IlkConfig()
        how = replace(base.training, negatives=10_000, **training)
        return estimated_peak(user, 10, 0, replace(held_alone(), use_embedding=True, training=how))

    assert peak() == peak(batch_size=2**16) == peak(batch_size=512)
    assert peak(device="cuda") > peak()
    assert peak() > estimated_peak(user, 10, 0, held_alone())


@pytest.mark.parametrize(
    ("events", "users", "items", "fit_mib"),
    [(999_027, 5_942, 4_997, 584), (1_027_370, 29_858, 40_981, 1_143)],
    ids=["Online Retail II", "gowalla"],
)
def test_the_estimate_is_above_measured_fits_and_not_far(
    events: int, users: int, items: int, fit_mib: int
) -> None:
    """Highest of a fit above the process with the shop read: docs/model.md."""
    measured = 850 * MIB + 33 * events + fit_mib * MIB
    estimate = estimated_peak(np.arange(events) * users // events, items, 0, IlkConfig())
    assert measured < estimate < 1.6 * measured


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
