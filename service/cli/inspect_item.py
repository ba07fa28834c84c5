"""`ilk inspect item`: one item as a page to look at."""

from pathlib import Path

from gnn import Objective
from service.answering.explanation import Explainer
from service.answering.item_page import PageNeighbour, item_page
from service.answering.shop_lookup import StoreLookup, live_item
from service.answering.similar_items import SimilarItemsService
from service.cli.context import CliContext
from service.cli.explain import evidence_lines
from service.errors import CallerMistake
from service.releases.holder import ReleaseHolder
from service.releases.store import ReleaseStore
from service.stores import closing_both, open_store


def run_item(context: CliContext, item_id: str, html: Path, k: int) -> None:
    """Write the page. Raises `UnknownItem`, `NoRelease`, `CallerMistake` (the file cannot be written)."""
    page = page_of(context, item_id, k)
    try:
        html.write_text(page, "utf-8")
    except OSError as error:
        raise CallerMistake(f"--html {html}: {error.strerror}") from None
    context.console(None).print(f"  written    {html}: open it in any browser, it needs no network")


def page_of(context: CliContext, item_id: str, k: int) -> str:
    """The item's card, its `k` neighbours of objective `related` and why they are ones."""
    context.home.require()
    holder = ReleaseHolder(ReleaseStore(context.home.releases))
    holder.poll()
    store = open_store(context.settings, context.home)
    with closing_both(store):
        answer = SimilarItemsService(holder.serving, StoreLookup(store)).similar(item_id, k)
        card = live_item(store.items([item_id]).row(0, named=True)).card
        explainer = Explainer(holder.serving, store, context.settings.explain.min_users)
        neighbours = []
        for result in answer.results:
            why = explainer.explain(item_id, result.item_id, Objective.RELATED)
            shared = why.evidence.categories
            lines = evidence_lines(why.evidence)
            neighbours.append(
                PageNeighbour(result.item_id, result.card, result.score, why.parts, shared, lines)
            )
    return item_page(item_id, card, answer, neighbours)
