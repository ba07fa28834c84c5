"""An explanation as a small graph to look at: networkx, GraphML. People appear as counts only."""

from typing import TYPE_CHECKING

from graph.view import xml_safe
from service.answering.explanation import Explanation

if TYPE_CHECKING:
    import networkx as nx

    ExplanationGraph = nx.DiGraph[str]


def explanation_graph(explanation: Explanation) -> "ExplanationGraph":
    """Nodes with `kind`, `label` and, for shoppers, `count`; edges with `relation`.

    At most two items, one node per relationship type, the shared categories and brand, and three items in
    between, however many people and categories stand behind them.
    """
    import networkx as nx  # here: half a second that only those pay who look at the graph

    graph: nx.DiGraph[str] = nx.DiGraph()
    evidence = explanation.evidence
    graph.add_node("a", kind="item", label=explanation.item_id, title=explanation.title)
    graph.add_node("b", kind="item", label=explanation.other, title=explanation.other_title)
    if explanation.score is not None:
        graph.add_edge("a", "b", relation="SIMILAR_TO", score=explanation.score, **explanation.parts)
    for relation, users in evidence.by_relation.items():
        node = f"shoppers:{relation}"
        graph.add_node(node, kind="shoppers", label=f"{users} shoppers", count=users)
        for end in ("a", "b"):
            graph.add_edge(node, end, relation=relation)
    if evidence.users is None:
        graph.add_node("few", kind="shoppers", label=f"fewer than {evidence.min_users} shoppers")
    for number, path in enumerate(evidence.categories):
        graph.add_node(f"category:{number}", kind="category", label=path)
        for end in ("a", "b"):
            graph.add_edge(end, f"category:{number}", relation="IN_CATEGORY")
    if evidence.brand is not None:
        graph.add_node("brand", kind="brand", label=evidence.brand)
        for end in ("a", "b"):
            graph.add_edge(end, "brand", relation="BRAND")
    for number, between in enumerate(evidence.intermediates):
        node = f"item:{number}"
        graph.add_node(node, kind="item", label=between.item_id, title=between.title)
        graph.add_edge(node, "a", relation="SHARED_SHOPPERS", count=between.users_with_item)
        graph.add_edge(node, "b", relation="SHARED_SHOPPERS", count=between.users_with_other)
    return graph


def explanation_graphml(explanation: Explanation) -> str:
    """GraphML of `explanation_graph`; characters that XML cannot hold become U+FFFD."""
    import networkx as nx

    graph = explanation_graph(explanation)
    for _, attributes in graph.nodes(data=True):
        for name in ("label", "title"):
            if name in attributes:
                attributes[name] = xml_safe(attributes[name])
    return "\n".join(nx.generate_graphml(graph)) + "\n"
