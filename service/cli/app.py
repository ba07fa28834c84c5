"""The command tree. Each command imports what it needs when it runs, so that `--help` is instant."""

from pathlib import Path
from typing import Annotated, Any

import typer

from service.cli.context import CliContext
from service.cli.options import (
    DataFormat,
    ExportFormat,
    ExportWhat,
    JsonOption,
    KeyScope,
    KOption,
    ModelList,
    ObjectiveName,
    Protocol,
    Tuning,
)

app = typer.Typer(
    name="ilk",
    help="Similar items for shops: load a catalogue and events, learn, serve.\n\n"
    "A first round: `ilk load PATH`, `ilk refresh`, `ilk similar ITEM_ID`, `ilk serve`. "
    "Or `ilk demo`, which does all of it on a sample.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


@app.callback()
def ilk(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(help="Folder of the shop (log, graph, releases). Default: $ILK_HOME, else ./.ilk"),
    ] = None,
) -> None:
    """Similar items for shops."""
    context.obj = CliContext(home)


@app.command()
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


@app.command()
def refresh(
    context: typer.Context,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be done, why, and at what cost.")
    ] = False,
    json_file: JsonOption = None,
) -> None:
    """Learn everything anew and publish a release if it passes the gate; resumable."""
    from service.cli.refresh import run_plan, run_refresh

    (run_plan if dry_run else run_refresh)(context.obj, json_file)


@app.command()
def increment(context: typer.Context, json_file: JsonOption = None) -> None:
    """Learn from the events since the last refresh or increment; publish if the gate lets it."""
    from service.cli.increment import run_increment_command

    run_increment_command(context.obj, json_file)


@app.command()
def similar(
    context: typer.Context,
    item_id: Annotated[str, typer.Argument(help="The item whose neighbours are wanted.")],
    k: KOption = 10,
    objective: Annotated[
        ObjectiveName, typer.Option(help="What similar is to mean.")
    ] = ObjectiveName.RELATED,
    json_file: JsonOption = None,
) -> None:
    """Neighbours of an item, from the current release."""
    from service.cli.answers import run_similar

    run_similar(context.obj, item_id, k, objective.value, json_file)


@app.command()
def explain(
    context: typer.Context,
    item_id: Annotated[str, typer.Argument(help="The item whose neighbour is to be explained.")],
    other: Annotated[str, typer.Argument(help="The neighbour.")],
    objective: Annotated[
        ObjectiveName, typer.Option(help="What similar is to mean.")
    ] = ObjectiveName.RELATED,
    graphml: Annotated[Path | None, typer.Option(help="Write the evidence as GraphML, too.")] = None,
    json_file: JsonOption = None,
) -> None:
    """Why one item is like another: the score's parts and what both share."""
    from service.cli.explain import run_explain

    run_explain(context.obj, item_id, other, objective.value, graphml, json_file)


@app.command()
def recommend(
    context: typer.Context,
    user_id: Annotated[str, typer.Argument(help="The user to recommend for.")],
    k: KOption = 10,
    json_file: JsonOption = None,
) -> None:
    """Items for a user, from the current release; seen ones are left out."""
    from service.cli.answers import run_recommend

    run_recommend(context.obj, user_id, k, json_file)


@app.command()
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
    html: Annotated[Path | None, typer.Option(help="Write the result as a page with charts.")] = None,
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
    )
    run_evaluate(context.obj, request, json_file, html)


@app.command()
def tune(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A shop's folder or file; it is not loaded into the home.")],
    data_format: Annotated[DataFormat, typer.Option("--format", help="As in `ilk load`.")] = DataFormat.AUTO,
    mapping: Annotated[Path | None, typer.Option(help="As in `ilk load`.")] = None,
    minutes: Annotated[float, typer.Option(min=0, help="How long; the running trial is finished.")] = 10.0,
    trials: Annotated[int | None, typer.Option(min=1, help="Stop at so many, earlier ones included.")] = None,
    out: Annotated[Path, typer.Option(help="Where the lines for ilk.toml go.")] = Path("ilk.tuned.toml"),
    json_file: JsonOption = None,
) -> None:
    """Search settings that suit a shop, on its validation block; goes on where an earlier run stopped."""
    from service.cli.tune import run_tune
    from service.evaluating.tune import TuneRequest

    request = TuneRequest(path, data_format.value, mapping, minutes, trials)
    run_tune(context.obj, request, out, json_file)


@app.command()
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


@app.command()
def check(
    context: typer.Context,
    path: Annotated[Path, typer.Argument(help="A shop's folder or file; nothing of it is loaded.")],
    data_format: Annotated[DataFormat, typer.Option("--format", help="As in `ilk load`.")] = DataFormat.AUTO,
    mapping: Annotated[Path | None, typer.Option(help="As in `ilk load`.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report as one HTML file, too.")] = None,
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


@app.command()
def export(
    context: typer.Context,
    out: Annotated[
        Path, typer.Option(help="File (its suffix may name the format) or folder that is written.")
    ],
    what: Annotated[
        ExportWhat, typer.Option(help="`shop`: items and events, which `ilk load` reads again.")
    ] = ExportWhat.SHOP,
    file_format: Annotated[
        ExportFormat | None,
        typer.Option("--format", help="Default: by the suffix of --out, else parquet; graph: graphml."),
    ] = None,
    k: KOption = 10,
    objective: Annotated[
        ObjectiveName, typer.Option(help="Of neighbours: what similar is to mean.")
    ] = ObjectiveName.RELATED,
    item: Annotated[str | None, typer.Option(help="Of the graph: the item in its middle.")] = None,
    hops: Annotated[int, typer.Option(help="Of the graph: how far from the item, 1 to 4.")] = 2,
    per_node: Annotated[int, typer.Option(help="Of the graph: edges followed from each node.")] = 25,
    json_file: JsonOption = None,
) -> None:
    """Take items, events, neighbours or a piece of the graph out, as Parquet, JSON lines or GraphML."""
    from service.cli.export import make_request, run_export

    request = make_request(
        what.value,
        file_format.value if file_format else None,
        out,
        k=k,
        objective=objective.value,
        item_id=item,
        hops=hops,
        per_node=per_node,
    )
    run_export(context.obj, request, json_file)


@app.command()
def copy(
    context: typer.Context,
    to_url: Annotated[str, typer.Option("--to", help="`sqlite`, or the address of a Neo4j server.")],
    from_url: Annotated[
        str | None, typer.Option("--from", help="Likewise; default: where the settings say the graph is.")
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Copy the whole graph into another store, verified block by block; resumable. User, password and
    database of a server come from the settings."""
    from service.cli.copy import run_copy

    run_copy(context.obj, to_url, from_url, json_file)


@app.command()
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


@app.command()
def updater(context: typer.Context) -> None:
    """Bring accepted events into graph and answers, without serving; `ilk serve` does it by itself."""
    from service.cli.updater import run_updater

    run_updater(context.obj)


@app.command()
def status(context: typer.Context, json_file: JsonOption = None) -> None:
    """Counts, sequence numbers, lag, release, store, health."""
    from service.cli.status import run_status

    run_status(context.obj, json_file)


@app.command()
def gc(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    json_file: JsonOption = None,
) -> None:
    """Remove old releases, quarantine files, unused vectors and checkpoints (settings `retention.*`)."""
    from service.cli.keeping import run_gc

    run_gc(context.obj, dry_run, json_file)


@app.command()
def backup(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="A tar file; `.gz` compresses it.")],
    cache: Annotated[bool, typer.Option("--cache/--no-cache", help="With the vectors of texts.")] = True,
    json_file: JsonOption = None,
) -> None:
    """Write the home into one file, also while it serves."""
    from service.cli.keeping import run_backup

    run_backup(context.obj, file, cache, json_file)


@app.command()
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Written by `ilk backup`.")],
    json_file: JsonOption = None,
) -> None:
    """Make the home (`--home`, empty or not there yet) from a backup; every checksum is looked at first."""
    from service.cli.keeping import run_restore

    run_restore(context.obj, file, json_file)


@app.command()
def report(
    context: typer.Context,
    version: Annotated[
        str | None, typer.Argument(help="As `ilk status` names it; default: the release that serves.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the whole report as one HTML file.")] = None,
    json_file: JsonOption = None,
) -> None:
    """What changed with a release, what it is worth, what it cost."""
    from service.cli.report import run_report

    run_report(context.obj, version, html, json_file)


@app.command()
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


@app.command()
def config(context: typer.Context, json_file: JsonOption = None) -> None:
    """Effective settings and where each comes from; secrets are masked."""
    from service.cli.config import run_config

    run_config(context.obj, json_file)


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


inspect = typer.Typer(
    help="Look at the graph in Neo4j Browser: a guide, a style, bounded queries.", no_args_is_help=True
)
app.add_typer(inspect, name="inspect")


@inspect.command("install")
def inspect_install(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where the files are written.")] = Path("ilk-browser"),
) -> None:
    """Write guide, style and queries into a folder, for Browser's import of files."""
    from service.cli.inspect import run_install

    run_install(context.obj, folder)


@inspect.command("open")
def inspect_open(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free.")] = 0,
) -> None:
    """Serve guide and style on loopback and say what to type into Browser."""
    from service.cli.inspect import run_open

    run_open(context.obj, port)


@inspect.command("item")
def inspect_item(
    context: typer.Context,
    item_id: Annotated[str, typer.Argument(help="The item in the middle.")],
    html: Annotated[Path, typer.Option(help="File that is written: one page, no script, no network.")],
    k: KOption = 10,
) -> None:
    """Write a page about one item: its card, its neighbours, what they share. No user appears in it."""
    from service.cli.inspect_item import run_item

    run_item(context.obj, item_id, html, k)


release = typer.Typer(help="Releases: list them, compare them, go back to one.", no_args_is_help=True)
app.add_typer(release, name="release")
VersionArgument = Annotated[str | None, typer.Argument(help="A version; default: the release that serves.")]


@release.command("list")
def release_list(context: typer.Context, json_file: JsonOption = None) -> None:
    """All releases, the newest first: which serves, which were let through."""
    from service.cli.release import run_list

    run_list(context.obj, json_file)


@release.command("show")
def release_show(
    context: typer.Context, version: VersionArgument = None, json_file: JsonOption = None
) -> None:
    """One release with everything that was measured."""
    from service.cli.release import run_show

    run_show(context.obj, version, json_file)


@release.command("diff")
def release_diff(
    context: typer.Context,
    before: Annotated[str, typer.Argument(help="A version.")],
    after: VersionArgument = None,
    json_file: JsonOption = None,
) -> None:
    """In what two releases differ."""
    from service.cli.release import run_diff

    run_diff(context.obj, before, after, json_file)


@release.command("approve")
def release_approve(
    context: typer.Context,
    version: Annotated[str, typer.Argument(help="A release that waits, as `ilk release list` shows it.")],
    author: Annotated[str, typer.Option(help="Who decides; kept in the audit trail.")],
    reason: Annotated[str, typer.Option(help="Why; likewise.")],
    json_file: JsonOption = None,
) -> None:
    """Let a release serve that waits for a person (setting `refresh.approval`)."""
    from service.cli.release import run_approve

    run_approve(context.obj, version, author, reason, json_file)


@release.command("rollback")
def release_rollback(
    context: typer.Context,
    version: Annotated[
        str | None, typer.Argument(help="A published version; default: the one before the current.")
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Let an earlier release serve, at once; the events since are folded in, none is lost."""
    from service.cli.release import run_rollback

    run_rollback(context.obj, version, json_file)
