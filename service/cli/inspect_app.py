"""The commands under `ilk inspect`."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.options import KOption
from service.cli.writable import writable

inspect_app = typer.Typer(
    help="Look at the graph in Neo4j Browser: a guide, a style, bounded queries.", no_args_is_help=True
)


@inspect_app.command("install")
def inspect_install(
    context: typer.Context,
    folder: Annotated[Path, typer.Argument(help="Where the files are written.")] = Path("ilk-browser"),
) -> None:
    """Write guide, style and queries into a folder, for Browser's import of files."""
    from service.cli.inspect import run_install

    run_install(context.obj, folder)


@inspect_app.command("open")
def inspect_open(
    context: typer.Context,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free.")] = 0,
) -> None:
    """Serve guide and style on loopback and say what to type into Browser."""
    from service.cli.inspect import run_open

    run_open(context.obj, port)


@inspect_app.command("item")
def inspect_item(
    context: typer.Context,
    item_id: Annotated[str, typer.Argument(help="The item in the middle.")],
    html: Annotated[
        Path,
        typer.Option(
            help="File that is written: one page, no script, no network.", callback=writable("--html")
        ),
    ],
    k: KOption = 10,
) -> None:
    """Write a page about one item: its card, its neighbours, what they share. No user appears in it."""
    from service.cli.inspect_item import run_item

    run_item(context.obj, item_id, html, k)
