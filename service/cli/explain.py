"""`ilk explain`."""

from pathlib import Path
from textwrap import shorten

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gnn import Objective
from graph.event_type import Relation
from service.answering.explanation import Evidence, Explainer, Explanation
from service.answering.explanation_graph import explanation_graphml
from service.cli.context import CliContext
from service.errors import CallerMistake
from service.releases.holder import ReleaseHolder
from service.releases.store import ReleaseStore
from service.stores import closing_both, open_store


def run_explain(
    context: CliContext,
    item_id: str,
    other: str,
    objective: str,
    graphml: Path | None,
    json_file: str | None,
) -> None:
    """Show why one item is like another."""
    context.home.require()
    holder = ReleaseHolder(ReleaseStore(context.home.releases))
    holder.poll()
    store = open_store(context.settings, context.home)
    with closing_both(store):
        explainer = Explainer(holder.serving, store, context.settings.explain.min_users)
        explanation = explainer.explain(item_id, other, Objective(objective))
    context.write_json(explanation.to_json(), json_file)
    if graphml is not None:
        try:
            graphml.write_text(explanation_graphml(explanation), "utf-8")
        except OSError as error:
            raise CallerMistake(f"--graphml {graphml}: {error.strerror}") from None
    if json_file != "-":
        show_explanation(explanation, context.console(json_file))


_VERBS: dict[str, str] = {
    Relation.VIEWED: "looked at both",
    Relation.ADDED_TO_CART: "put both into a cart",
    Relation.WISHLISTED: "wished for both",
    Relation.PURCHASED: "bought both",
    Relation.REVIEWED: "reviewed both",
}
_TITLE_CHARS = 60
"""Of an item's title where it is not what the line is about."""


def show_explanation(explanation: Explanation, console: Console) -> None:
    """The parts of the score, what both share, and what to paste into Neo4j Browser."""
    title = f"{explanation.item_id} and {explanation.other} ({explanation.objective.value})"
    table = Table("part", "adds", title=escape(title), title_justify="left", box=None)
    for name, value in sorted(explanation.parts.items(), key=lambda part: -abs(part[1])):
        table.add_row(name.replace("_", " "), f"{value:+.3f}")
    if explanation.score is not None:
        table.add_row("score", f"{explanation.score:.3f}", style="bold")
    console.print(table)
    if explanation.score is None:
        console.print("  the served release does not know both items yet; `ilk refresh` makes a new one")
    for line in evidence_lines(explanation.evidence):
        console.print(f"  {line}", markup=False, soft_wrap=True)
    console.print("  in Neo4j Browser:", style="dim")
    console.print(explanation.cypher.params, markup=False, soft_wrap=True)
    console.print(explanation.cypher.picture, markup=False, soft_wrap=True)


def evidence_lines(evidence: Evidence) -> list[str]:
    """What two items share, in words."""
    if evidence.users is None:
        lines = [f"fewer than {evidence.min_users} shoppers turned to both"]
    elif list(evidence.by_relation.values()) == [evidence.users]:
        lines = [f"{evidence.users} shoppers {_VERBS[relation]}" for relation in evidence.by_relation]
    else:
        lines = [f"{evidence.users} shoppers turned to both"]
        lines += [f"{users} {_VERBS[relation]}" for relation, users in evidence.by_relation.items()]
    lines += [f"both in {path}" for path in evidence.categories]
    if evidence.brand is not None:
        lines.append(f"both by {evidence.brand}")
    lines += [
        f"both bought or viewed with {shorten(between.title, _TITLE_CHARS, placeholder='…')} "
        f"{between.item_id} ({between.users_with_item} and {between.users_with_other} shoppers)"
        for between in evidence.intermediates
    ]
    return lines
