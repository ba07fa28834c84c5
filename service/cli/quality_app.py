"""The commands that look at a shop's data and at what is learned from them."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.options import DataFormat, JsonOption, ModelList, Protocol, Tuning
from service.cli.writable import writable

quality_app = typer.Typer()
PANEL = "Quality"


@quality_app.command(rich_help_panel=PANEL)
def check(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A shop's folder or file; nothing of it is loaded.")],
    data_format: Annotated[DataFormat, typer.Option("--format", help="As in `ilk load`.")] = DataFormat.AUTO,
    mapping: Annotated[Path | None, typer.Option(help="As in `ilk load`.")] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Write the report as one HTML file, too.", callback=writable("--html")),
    ] = None,
    examples: Annotated[int, typer.Option(help="Examples of each sort; 0: no row of the data.")] = 3,
    max_per_minute: Annotated[
        int, typer.Option(help="Who acts more often in one minute is reported as implausible.")
    ] = 60,
    gain: Annotated[
        bool, typer.Option("--gain/--no-gain", help="Measure Ilk against item-kNN on these data.")
    ] = True,
    json_file: JsonOption = None,
) -> None:
    """Look at a shop's files before loading them: what is wrong, and what Ilk would gain."""
    from service.checking.check import CheckRequest
    from service.cli.check import run_check

    request = CheckRequest(path, data_format.value, mapping, examples, max_per_minute, gain)
    run_check(context.obj, request, html, json_file)


@quality_app.command(rich_help_panel=PANEL)
def evaluate(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A shop's folder or file; it is not loaded into the home.")],
    data_format: Annotated[DataFormat, typer.Option("--format", help="As in `ilk load`.")] = DataFormat.AUTO,
    mapping: Annotated[Path | None, typer.Option(help="As in `ilk load`.")] = None,
    protocol: Annotated[Protocol, typer.Option(help="How the data are cut.")] = Protocol.TEMPORAL,
    models: Annotated[
        ModelList, typer.Option(help="Comma-separated names; `all` for every one.")
    ] = "ilk,popularity,recent-popularity,item-knn,rp3beta,ease,text",
    seeds: Annotated[str, typer.Option(help="Comma-separated seeds; figures are means over them.")] = "0",
    windows: Annotated[int, typer.Option(min=1, max=3, help="Test windows (the last ends at 100 %).")] = 1,
    tune: Annotated[Tuning, typer.Option(help="Baselines: fixed settings, or tuned on valid.")] = Tuning.NONE,
    ablate: Annotated[
        bool, typer.Option("--ablate", help="Ilk also without each of its parts (one fit).")
    ] = False,
    as_served: Annotated[
        bool,
        typer.Option(
            "--as-served", help="Protocol stream: increments as `ilk serve` makes them, gate included."
        ),
    ] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write the result as a page with charts.", callback=writable("--html"))
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Measure quality on held-out events, Ilk and baselines in one run."""
    from service.cli.evaluate import parse_seeds, run_evaluate
    from service.evaluating.evaluation import EvaluateRequest, model_names

    request = EvaluateRequest(
        path,
        data_format.value,
        mapping,
        protocol.value,
        model_names(models),
        parse_seeds(seeds),
        windows,
        tune.value,
        ablate,
        as_served,
    )
    run_evaluate(context.obj, request, json_file, html)


@quality_app.command(rich_help_panel=PANEL)
def tune(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A shop's folder or file; it is not loaded into the home.")],
    data_format: Annotated[DataFormat, typer.Option("--format", help="As in `ilk load`.")] = DataFormat.AUTO,
    mapping: Annotated[Path | None, typer.Option(help="As in `ilk load`.")] = None,
    minutes: Annotated[float, typer.Option(min=0, help="How long; the running trial is finished.")] = 10.0,
    trials: Annotated[int | None, typer.Option(min=1, help="Stop at so many, earlier ones included.")] = None,
    out: Annotated[
        Path, typer.Option(help="Where the lines for ilk.toml go.", callback=writable("--out"))
    ] = Path("ilk.tuned.toml"),
    json_file: JsonOption = None,
) -> None:
    """Search settings that suit a shop, on its validation block; goes on where an earlier run stopped."""
    from service.cli.tune import run_tune
    from service.evaluating.tune import TuneRequest

    request = TuneRequest(path, data_format.value, mapping, minutes, trials)
    run_tune(context.obj, request, out, json_file)


@quality_app.command(rich_help_panel=PANEL)
def report(
    context: typer.Context,
    version: Annotated[
        str | None, typer.Argument(help="As `ilk status` names it; default: the release that serves.")
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(help="Write the whole report as one HTML file.", callback=writable("--html")),
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """What changed with a release, what it is worth, what it cost."""
    from service.cli.report import run_report

    run_report(context.obj, version, html, json_file)
