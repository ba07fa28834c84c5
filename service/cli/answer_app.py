"""The commands that answer from the current release."""

from pathlib import Path
from typing import Annotated

import typer

from service.cli.options import JsonOption, KOption, ObjectiveName
from service.cli.writable import writable

answer_app = typer.Typer()
PANEL = "Answers"


@answer_app.command(rich_help_panel=PANEL)
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


@answer_app.command(rich_help_panel=PANEL)
def recommend(
    context: typer.Context,
    user_id: Annotated[str, typer.Argument(help="The user to recommend for.")],
    k: KOption = 10,
    json_file: JsonOption = None,
) -> None:
    """Items for a user, from the current release; seen ones are left out."""
    from service.cli.answers import run_recommend

    run_recommend(context.obj, user_id, k, json_file)


@answer_app.command(rich_help_panel=PANEL)
def explain(
    context: typer.Context,
    item_id: Annotated[str, typer.Argument(help="The item whose neighbour is to be explained.")],
    other: Annotated[str, typer.Argument(help="The neighbour.")],
    objective: Annotated[
        ObjectiveName, typer.Option(help="What similar is to mean.")
    ] = ObjectiveName.RELATED,
    graphml: Annotated[
        Path | None,
        typer.Option(help="Write the evidence as GraphML, too.", callback=writable("--graphml")),
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Why one item is like another: the score's parts and what both share."""
    from service.cli.explain import run_explain

    run_explain(context.obj, item_id, other, objective.value, graphml, json_file)
