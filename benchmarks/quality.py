"""Quality with default settings on real shops: a results file per shop, and the goals they are held against.

    python -m benchmarks.quality DATA_DIR              evaluate every shop in it that has a time of events
    python -m benchmarks.quality DATA_DIR --only NAME  one of them
    python -m benchmarks.quality DATA_DIR --only NAME --newest 300000   on its newest events alone
    python -m benchmarks.quality DATA_DIR --only gowalla-lightgcn --models ilk,popularity   on its own split
    python -m benchmarks.quality --goals               the table, from the files that are there

Files go to `benchmarks/results/`, with the commit, the machine, the seconds and the memory.
"""

import argparse
import json
import math
import resource
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console

from benchmarks.measurement import machine
from gnn.evaluation import EvaluationData, EvaluationProtocol, evaluate
from service.evaluating.evaluation import EvaluateRequest, evaluation_models, model_names, read_shop
from service.reporter import Reporter
from service.settings import load_settings

RESULTS = Path(__file__).resolve().parent / "results"
SHOPS = ("amazon18-magazine", "amazon23-electronics", "hasaki-vi", "ml-100k", "uci-online-retail-2")
"""Shops with times; others have a protocol of their own."""
GIVEN_SPLITS = ("gowalla-lightgcn",)
"""Judged on the split that they bring, only when named: no time of events, no part in the goals."""
MIN_CASES = 100
"""Of cold targets, for a shop to count."""


@dataclass(frozen=True)
class Goal:
    """A geometric mean over the shops of ours / best baseline."""

    name: str
    task: str
    part: str | None
    metric: str
    wanted: float
    prototype: float | None
    """What the research prototype reached."""


GOALS = (
    Goal("next warm", "next", "warm", "ndcg@10", 1.35, 1.12),
    Goal("basket", "basket", "warm", "ndcg@10", 1.20, 1.11),
    Goal("user-next", "user_next", None, "recall@20", 1.30, 1.15),
    Goal("links warm", "links", "warm", "recall@10", 1.30, 0.91),
    Goal("links cold", "links", "cold", "recall@10", 1.35, 1.25),
    Goal("next cold", "next", "cold", "ndcg@10", 1.10, None),
)


def evaluated(
    folder: Path, seeds: tuple[int, ...], models: str, home: Path | None, newest: int | None = None
) -> dict[str, Any]:
    """Result of one shop, as `ilk evaluate --json` has it, with where and how long.

    newest: so many of its newest events are all there is; the catalogue stays.
    """
    request = EvaluateRequest(folder, models=model_names(models), seeds=seeds)
    settings, reporter = load_settings(home), Reporter(Console(stderr=True))
    on = machine()  # before hours in which the working tree may change
    protocol = EvaluationProtocol.TEMPORAL
    if folder.name in GIVEN_SPLITS:
        protocol = EvaluationProtocol.GIVEN_SPLIT
        if newest is not None:
            raise ValueError(f"{folder.name} is judged on its own split: newest events make no sense there")
    started, worked = time.perf_counter(), time.process_time()
    judged = evaluation_models(request, settings)
    whole = read_shop(request, settings, reporter)
    data = with_newest(whole, newest)
    said = {"tune": request.tune, "newest_events": newest, "all_events": whole.shop.n_events}
    with reporter.stage("evaluate") as stage:
        result = evaluate(data, judged, seeds, protocol, stage.step, settings=said)
    measured = {
        "on": on,
        "seconds": round(time.perf_counter() - started, 1),
        "processor_seconds": round(time.process_time() - worked, 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    return result.as_json() | {"measured": measured}


def with_newest(data: EvaluationData, newest: int | None) -> EvaluationData:
    """So many of its newest events (`None`: all) beside the whole catalogue."""
    shop = data.shop
    start = 0 if newest is None else max(0, shop.n_events - newest)
    taken_back = None if data.taken_back is None else data.taken_back.since(start)
    return replace(data, shop=shop.events(start, shop.n_events), taken_back=taken_back)


def ratios(result: Mapping[str, Any], goal: Goal) -> Iterator[tuple[str, float, float, str, int]]:
    """(slice, ours, best baseline, its name, cases) of a goal on one shop; for links one per type."""
    models = result["models"]
    ours = models["ilk"].get(goal.task, {})
    for kind in ours if goal.task == "links" else ("",):
        own = _slice(ours, kind, goal.part)
        if not own or (goal.name == "next cold" and own["n"] < MIN_CASES):
            continue
        rivals = {
            name: _slice(figures.get(goal.task, {}), kind, goal.part).get(goal.metric, 0.0)
            for name, figures in models.items()
            if name != "ilk"
        }
        best = max(rivals, key=lambda name: rivals[name])
        if rivals[best] > 0:
            yield kind, own[goal.metric], rivals[best], best, own["n"]


def _slice(task: Mapping[str, Any], kind: str, part: str | None) -> Mapping[str, Any]:
    inner = task.get(kind, {}) if kind else task
    found: Mapping[str, Any] = inner if part is None else inner.get(part, {})
    return found


def goals_table(results: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Lines of Markdown: every ratio, and the geometric mean of each goal."""
    lines = [
        "| goal | shop | ours | best baseline | ratio | cases |",
        "|---|---|---|---|---|---|",
    ]
    for goal in GOALS:
        logs = []
        for shop, result in results.items():
            for kind, own, best, name, n in ratios(result, goal):
                logs.append(math.log(own / best) if own > 0 else -math.inf)
                where = f"{shop} {kind}".strip()
                lines.append(
                    f"| {goal.name} | {where} | {own:.4f} | {best:.4f} {name} | {own / best:.2f} | {n} |"
                )
        if logs:
            mean = math.exp(sum(logs) / len(logs))
            wanted = f"goal {goal.wanted:.2f}" + (
                f", prototype {goal.prototype:.2f}" if goal.prototype else ""
            )
            lines.append(f"| **{goal.name}** | geometric mean | | {wanted} | **{mean:.2f}** | |")
    return lines


def read_results(folder: Path = RESULTS) -> dict[str, Any]:
    """The results files by shop."""
    paths = [folder / f"{shop}.json" for shop in SHOPS]
    return {path.stem: json.loads(path.read_text("utf-8")) for path in paths if path.is_file()}


def main() -> None:
    """Evaluate, write, show."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path, nargs="?")
    parser.add_argument("--only", action="append", choices=(*SHOPS, *GIVEN_SPLITS))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--models", default="all")
    parser.add_argument("--newest", type=int, help="of the events; default all")
    parser.add_argument("--home", type=Path, help="whose text cache is used; default as for ilk")
    parser.add_argument("--goals", action="store_true", help="only the table")
    given = parser.parse_args()
    if not given.goals:
        if given.data is None:
            parser.error("DATA_DIR is missing (or --goals)")
        RESULTS.mkdir(exist_ok=True)
        seeds = tuple(int(seed) for seed in given.seeds.split(","))
        for shop in given.only or SHOPS:
            result = evaluated(given.data / shop, seeds, given.models, given.home, given.newest)
            (RESULTS / f"{shop}.json").write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    print("\n".join(goals_table(read_results())))


if __name__ == "__main__":
    main()
