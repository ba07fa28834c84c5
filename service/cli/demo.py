"""`ilk demo`: the main job, told step by step."""

import os
import sys
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from service.cli.answers import ask, show_answer
from service.cli.context import CliContext
from service.cli.evaluate import show_result
from service.cli.load import load_with_progress, print_report
from service.demo.demo import choose_shop, showcase
from service.errors import CallerMistake
from service.evaluating.evaluation import EvaluateRequest, run_evaluation
from service.ilk_command import ilk_command, ilk_environment
from service.nightly.refresh import refresh
from service.releases.store import ReleaseStore
from service.reporter import Reporter

MODELS = ("ilk", "popularity", "item-knn")


def run_demo(
    context: CliContext,
    data: Path | None,
    format_name: str,
    mapping: Path | None,
    serve_after: bool,
    store: str | None,
) -> None:
    """Load, refresh, evaluate, show neighbours, serve."""
    _check_store(context, store)
    console = context.console(None)
    offline = os.environ.get("ILK_DEMO_OFFLINE", "") not in {"", "0"}
    shop = choose_shop(context.home, data, Reporter(console), offline=offline)
    console.print(f"[bold]The shop[/bold]: {shop.origin}\n  its home is {context.home.root}")
    console.print("\n[bold]1. Load[/bold]: files into the event log and the graph")
    print_report(load_with_progress(context, shop.path, format_name, mapping, console), console)
    console.print("\n[bold]2. Refresh[/bold]: texts to vectors, graph to embeddings, index, release")
    refresh(context.settings, Reporter(console))
    console.print("\n[bold]3. Evaluate[/bold]: fit on the first 90 % of the events, judge on the last 10 %")
    request = EvaluateRequest(shop.path, format_name, mapping, models=MODELS)
    show_result(run_evaluation(request, context.settings, Reporter(console)), console)
    console.print("\n[bold]4. Similar items[/bold], from the release that was just published")
    shown = show_neighbours(context, console)
    if context.settings.graph.url != "sqlite":
        console.print("\n  look at the graph in Neo4j Browser: `ilk inspect open` says how")
    if serve_after:
        console.print("\n[bold]5. Serve[/bold]")
        serve = context.settings.serve
        if shown and serve.port:  # 0: any free one, which only the server will know
            address = f"http://{serve.host}:{serve.port}"
            console.print(f"  try        curl '{address}/v1/similar?k=5&item_id={shown[0]}'")
        become_server(context)
    else:
        console.print("\n  `ilk serve` serves it; `ilk similar ITEM_ID` asks without a server")


def become_server(context: CliContext) -> NoReturn:
    """Go on as `ilk serve`, under the same process id: what serves holds no learning library, and what those
    leave behind (memory, objects they miss at the interpreter's end) ends with them."""
    sys.stdout.flush()
    sys.stderr.flush()
    command = ilk_command(context.home, "serve")
    os.execve(command[0], command, ilk_environment())  # noqa: S606 - our own program


def show_neighbours(context: CliContext, console: Console) -> list[str]:
    """Show a few items with their neighbours; returns the items' ids."""
    release = ReleaseStore(context.home.releases).open_current()
    item_ids = showcase(release)
    for item_id in item_ids:
        row = release.items.index_of(item_id)
        assert row is not None
        title = release.items.cards(release.items.indices_of([item_id]))[0]["title"]
        answer = ask(context, lambda service, item_id=item_id: service.similar(item_id, 5))  # type: ignore[misc]
        console.print()
        show_answer(f"{item_id}  {title}", answer, console)
    return item_ids


def _check_store(context: CliContext, store: str | None) -> None:
    url = context.settings.graph.url
    if store is None or (store == "sqlite") == (url == "sqlite"):
        return
    if store == "neo4j":
        raise CallerMistake(
            "--store neo4j needs a server's address: run `make neo4j`, then `source .neo4j/env`"
        )
    raise CallerMistake(f"--store {store}: the settings name {url}; choose sqlite or neo4j")
