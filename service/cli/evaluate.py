"""`ilk evaluate`."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from gnn.evaluation import EvaluationResult
from gnn.evaluation.stream_result import STRATEGIES, StreamResult
from service.cli.context import CliContext
from service.cli.options import Protocol
from service.errors import CallerMistake
from service.evaluating.evaluation import EvaluateRequest, run_evaluation, run_stream
from service.evaluating.html import evaluation_page
from service.reporter import Reporter

COLUMNS = (
    ("next HR@10", ("next", "warm", "hr@10")),
    ("next NDCG", ("next", "warm", "ndcg@10")),
    ("cold NDCG", ("next", "cold", "ndcg@10")),
    ("basket NDCG", ("basket", "warm", "ndcg@10")),
    ("users R@20", ("user_next", "recall@20")),
    ("users NDCG", ("user_next", "ndcg@20")),
)


def run_evaluate(
    context: CliContext, request: EvaluateRequest, json_file: str | None, html: Path | None = None
) -> None:
    """Evaluate and show a table, best figure of each column in bold; write a page where one is wanted."""
    console = context.console(json_file)
    if request.protocol == Protocol.STREAM:
        if html is not None:
            raise CallerMistake("--html: not for the protocol stream; use --json")
        fresh = run_stream(request, context.settings, Reporter(console))
        context.write_json(fresh.as_json(), json_file)
        show_stream(fresh, console)
        return
    result = run_evaluation(request, context.settings, Reporter(console))
    figures: dict[str, Any] = result.as_json()
    context.write_json(figures, json_file)
    if html is not None:
        try:
            html.write_text(evaluation_page(figures, [*COLUMNS, *_link_columns(figures["models"])]), "utf-8")
        except OSError as error:
            raise CallerMistake(f"--html {html}: {error.strerror}") from None
    show_result(result, console)


def show_stream(result: StreamResult, console: Console) -> None:
    """One row per strategy: figures, then quality and cost as shares of fitting anew."""
    models: dict[str, Any] = dict(result.as_json()["models"])  # type: ignore[call-overload]  # JSON is untyped
    shown = [(title, path) for title, path in COLUMNS if _figure(models["full"], path) is not None]
    costs = ("quality", "edge_gradients", "seconds")
    table = Table("model", *(title for title, _ in shown), *costs, box=None, header_style="bold")
    for name in STRATEGIES:
        share: dict[str, Any] = dict.fromkeys(costs, 1.0) if name == "full" else result.relative(name)
        cells = [_cell(_figure(models[name], path), 2.0) for _, path in shown]
        table.add_row(name, *cells, *("-" if share[of] is None else f"{share[of]:.1%}" for of in costs))
    console.print(table)
    if result.by_rule:
        runs = [run for run in result.runs if run.increments]
        made, served = sum(run.increments for run in runs), sum(run.served for run in runs)
        console.print(f"  increments as served: {served} of {made} passed the gate")


def parse_seeds(text: str) -> tuple[int, ...]:
    """Comma-separated seeds. Raises `CallerMistake`."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise CallerMistake(f"--seeds {text}: whole numbers, separated by commas") from None


def show_result(result: EvaluationResult, console: Console) -> None:
    """One row per model, one column per task; then what was skipped, and why."""
    models: dict[str, Any] = dict(result.as_json()["models"])  # type: ignore[call-overload]  # JSON is untyped
    columns = [*COLUMNS, *_link_columns(models)]
    shown = [
        (title, path) for title, path in columns if any(_figure(m, path) is not None for m in models.values())
    ]
    table = Table("model", *(title for title, _ in shown), "fit s", box=None, header_style="bold")
    best = {title: max(_figure(m, path) or 0.0 for m in models.values()) for title, path in shown}
    for name, figures in models.items():
        cells = [_cell(_figure(figures, path), best[title]) for title, path in shown]
        table.add_row(name, *cells, f"{figures['fit_seconds']:.1f}")
    console.print(table)
    for name, reason in result.skipped.items():
        console.print(f"  {name} skipped: {reason}")


def _link_columns(models: dict[str, Any]) -> list[tuple[str, tuple[str, ...]]]:
    kinds = sorted({kind for figures in models.values() for kind in figures.get("links", {})})
    return [
        (f"{kind} {warmth} R@10", ("links", kind, warmth, "recall@10"))
        for kind in kinds
        for warmth in ("warm", "cold")
    ]


def _figure(figures: dict[str, Any], path: tuple[str, ...]) -> float | None:
    value: Any = figures
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return None
        value = value[name]
    return float(value)


def _cell(value: float | None, best: float) -> str:
    if value is None:
        return "-"
    return f"[bold]{value:.4f}[/bold]" if value >= best else f"{value:.4f}"
