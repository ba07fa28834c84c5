"""The commands that keep, move and tidy what a home holds."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.options import ExportFormat, ExportWhat, JsonOption, KOption, ObjectiveName
from service.cli.writable import writable

keeping_app = typer.Typer()
PANEL = "Keep and move"


@keeping_app.command(rich_help_panel=PANEL)
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


@keeping_app.command(rich_help_panel=PANEL)
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


@keeping_app.command(rich_help_panel=PANEL)
def backup(
    context: typer.Context,
    file: Annotated[
        Path, typer.Argument(help="A tar file; `.gz` compresses it.", callback=writable("backup to"))
    ],
    cache: Annotated[bool, typer.Option("--cache/--no-cache", help="With the vectors of texts.")] = True,
    json_file: JsonOption = None,
) -> None:
    """Write the home into one file, also while it serves."""
    from service.cli.keeping import run_backup

    run_backup(context.obj, file, cache, json_file)


@keeping_app.command(rich_help_panel=PANEL)
def restore(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(help="Written by `ilk backup`.")],
    json_file: JsonOption = None,
) -> None:
    """Make the home (`--home`, empty or not there yet) from a backup; every checksum is looked at first."""
    from service.cli.keeping import run_restore

    run_restore(context.obj, file, json_file)


@keeping_app.command(rich_help_panel=PANEL)
def gc(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    json_file: JsonOption = None,
) -> None:
    """Remove old releases, quarantine files, unused vectors and checkpoints (settings `retention.*`)."""
    from service.cli.keeping import run_gc

    run_gc(context.obj, dry_run, json_file)
