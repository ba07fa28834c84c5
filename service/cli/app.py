"""The command tree. Each command imports what it needs when it runs, so that `--help` is instant."""

from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.answer_app import answer_app
from service.cli.context import CliContext
from service.cli.inspect_app import inspect_app
from service.cli.keeping_app import keeping_app
from service.cli.options import DataFormat, JsonOption, KeyScope
from service.cli.quality_app import quality_app
from service.cli.release_app import release_app

LEARN = "From files to a release"
SERVE = "Serve"

app = typer.Typer(
    name="ilk",
    help="Similar items for shops: load a catalogue and events, learn, serve.\n\n"
    "A first round: `ilk load PATH`, `ilk refresh`, `ilk similar ITEM_ID`, `ilk serve`. "
    "Or `ilk demo`, which does all of it on a sample.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _tell_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"ilk {version('ilk')}")
        raise typer.Exit


@app.callback()
def ilk(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(help="Folder of the shop (log, graph, releases). Default: $ILK_HOME, else ./.ilk"),
    ] = None,
    show_version: Annotated[
        bool,
        typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_tell_version),
    ] = False,
) -> None:
    """Similar items for shops."""
    context.obj = CliContext(home)


@app.command()
def demo(
    context: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option(
            envvar="ILK_DEMO_DATA", help="A shop's folder; default: a small real shop, or a sample."
        ),
    ] = None,
    data_format: Annotated[DataFormat, typer.Option("--format", help="As in `ilk load`.")] = DataFormat.AUTO,
    mapping: Annotated[Path | None, typer.Option(help="As in `ilk load`.")] = None,
    serve_after: Annotated[
        bool, typer.Option("--serve/--no-serve", help="Serve at the end, until Ctrl-C.")
    ] = True,
    store: Annotated[
        str | None, typer.Option(help="`sqlite` or `neo4j` (address from the settings).")
    ] = None,
) -> None:
    """The main job, end to end: load, refresh, evaluate, show neighbours, serve."""
    from service.cli.demo import run_demo

    run_demo(context.obj, data, data_format.value, mapping, serve_after, store)


@app.command(rich_help_panel=LEARN)
def load(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A shop's folder or file.")],
    data_format: Annotated[
        DataFormat, typer.Option("--format", help="How to read it; `auto` recognises it by content.")
    ] = DataFormat.AUTO,
    mapping: Annotated[
        Path | None, typer.Option(help="TOML file that maps columns to fields (format `table`).")
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Read a shop's files into the home; may be repeated, adds only what is new."""
    from service.cli.load import run_load

    run_load(context.obj, path, data_format.value, mapping, json_file)


@app.command(rich_help_panel=LEARN)
def sync(
    context: typer.Context,
    now_all: Annotated[
        bool, typer.Option("--now", help="Try every source, whatever its schedule and earlier errors.")
    ] = False,
    json_file: JsonOption = None,
) -> None:
    """Read what is new in the sources of `ilk.toml` (`[[sources]]`), as `ilk load` would."""
    from service.cli.sync import run_sync

    run_sync(context.obj, now_all, json_file)


@app.command(rich_help_panel=LEARN)
def refresh(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done, why, and at what cost.")
    ] = False,
    wait: Annotated[
        float, typer.Option(min=0.0, help="Seconds to wait for another refresh or increment. Default 0.")
    ] = 0.0,
    json_file: JsonOption = None,
) -> None:
    """Learn everything anew and publish a release if it passes the gate; resumable."""
    from service.cli.refresh import run_plan, run_refresh

    if dry_run:
        run_plan(context.obj, json_file)
    else:
        run_refresh(context.obj, json_file, wait)


@app.command(rich_help_panel=LEARN)
def increment(context: typer.Context, json_file: JsonOption = None) -> None:
    """Learn from the events since the last refresh or increment; publish if the gate lets it."""
    from service.cli.increment import run_increment_command

    run_increment_command(context.obj, json_file)


@app.command(rich_help_panel=SERVE)
def serve(
    context: typer.Context,
    host: Annotated[str | None, typer.Option(help="Address to bind. Default 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Default 8080; 0: any free.")] = None,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="API processes. Default 1.")] = None,
) -> None:
    """Serve the HTTP API; events are logged durably and applied to the graph as they come."""
    from service.cli.serve import run_serve

    given: dict[str, Any] = {"host": host, "port": port, "workers": workers}
    run_serve(context.obj, {name: value for name, value in given.items() if value is not None})


@app.command(rich_help_panel=SERVE)
def updater(context: typer.Context) -> None:
    """Bring accepted events into graph and answers, without serving; `ilk serve` does it by itself."""
    from service.cli.updater import run_updater

    run_updater(context.obj)


@app.command(rich_help_panel=SERVE)
def key(
    context: typer.Context,
    name: Annotated[str, typer.Option(help="What the key is for: letters, digits, `.`, `-`, `_`.")] = "shop",
    scope: Annotated[
        list[KeyScope] | None, typer.Option(help="What it may do; may be repeated. Default: read.")
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Make an API key; the settings keep its hash only."""
    from service.cli.key import run_key

    run_key(context.obj, name, [one.value for one in scope or [KeyScope.READ]], json_file)


@app.command(rich_help_panel=SERVE)
def status(context: typer.Context, json_file: JsonOption = None) -> None:
    """Counts, sequence numbers, lag, release, store, health."""
    from service.cli.status import run_status

    run_status(context.obj, json_file)


@app.command(rich_help_panel=SERVE)
def config(context: typer.Context, json_file: JsonOption = None) -> None:
    """Effective settings and where each comes from; secrets are masked."""
    from service.cli.config import run_config

    run_config(context.obj, json_file)


for part in (answer_app, quality_app, keeping_app):
    app.add_typer(part)
app.add_typer(release_app, name="release", rich_help_panel="Answers")
app.add_typer(inspect_app, name="inspect", rich_help_panel="Answers")
