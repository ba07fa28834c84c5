"""`ilk similar` and `ilk recommend`: answers of the current release, without a server."""

from collections.abc import Callable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gnn import Objective
from service.answering.shop_lookup import StoreLookup
from service.answering.similar_items import Answer, SimilarItemsService
from service.cli.context import CliContext
from service.releases.holder import ReleaseHolder
from service.releases.store import ReleaseStore
from service.stores import closing_both, fresh_rows_of, open_store


def run_similar(context: CliContext, item_id: str, k: int, objective: str, json_file: str | None) -> None:
    """Show the neighbours of an item."""
    answer = ask(context, lambda service: service.similar(item_id, k, Objective(objective)))
    context.write_json(answer.to_json(item_id=item_id), json_file)
    if json_file != "-":
        show_answer(f"similar to {item_id} ({objective})", answer, context.console(json_file))


def run_recommend(context: CliContext, user_id: str, k: int, json_file: str | None) -> None:
    """Show what suits a user."""
    answer = ask(context, lambda service: service.recommend(user_id, k))
    context.write_json(answer.to_json(user_id=user_id), json_file)
    if json_file != "-":
        show_answer(f"for {user_id}", answer, context.console(json_file))


def ask(context: CliContext, question: Callable[[SimilarItemsService], Answer]) -> Answer:
    """Answer from the current release, as the server would."""
    context.home.require()
    holder = ReleaseHolder(ReleaseStore(context.home.releases), fresh=fresh_rows_of(context.settings))
    holder.poll()
    store = open_store(context.settings, context.home)
    with closing_both(store):
        return question(SimilarItemsService(holder.serving, StoreLookup(store)))


def show_answer(title: str, answer: Answer, console: Console) -> None:
    """A table of the items; fallbacks are named."""
    table = Table("", "item", "score", "source", "title", title=escape(title), title_justify="left", box=None)
    for rank, item in enumerate(answer.results, 1):
        shown = str(item.card["title"])
        table.add_row(str(rank), escape(item.item_id), f"{item.score:.3f}", item.source, escape(shown[:70]))
    console.print(table)
    if answer.fallback:
        console.print(f"  fallback: {answer.fallback.value}")
    if answer.release_fallback:
        console.print(f"  an older release answers: {answer.release_fallback}")
    console.print(f"  [dim]release {answer.model_version}, events through {answer.events_through:,}[/dim]")
