"""Bounded pieces of the graph to look at: the walk that collects them, networkx, GraphML."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from graph.store import EvidencePath, Neighbourhood, NodeKind

if TYPE_CHECKING:
    import networkx as nx

    NodeGraph = nx.MultiDiGraph[tuple[NodeKind, str]]

IN_CATEGORY = "IN_CATEGORY"
CHILD_OF = "CHILD_OF"
SIMILAR_TO = "SIMILAR_TO"

Node = tuple[NodeKind, int]
"""(kind, index)"""
Link = tuple[Node, Node, str]
"""(from, to, relationship type)"""

_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Links(Protocol):
    """What a store tells `walk`."""

    def key_of(self, node: Node) -> str:
        """External id of a node."""

    def links(self, node: Node, limit: int) -> list[Link]:
        """At most `limit` links of a node, in this order.

        An item: IN_CATEGORY by category index; outgoing SIMILAR_TO by rank, then neighbour's index; events,
        the newest first (by `at`, then `seq`). A category: CHILD_OF its parent; its children's CHILD_OF by
        index; IN_CATEGORY of its items, the highest index first. A user: events, the newest first.
        """


def walk(source: Links, start: Iterable[Node], hops: int, per_node: int) -> Neighbourhood:
    """Breadth first from `start`: nodes in the order of discovery, each link once."""
    seen = dict.fromkeys(start)
    found: dict[Link, None] = {}
    frontier = list(seen)
    for _ in range(hops):
        reached: dict[Node, None] = {}
        for node in frontier:
            for link in source.links(node, per_node):
                found[link] = None
                reached.update(dict.fromkeys(link[:2]))
        frontier = [node for node in reached if node not in seen]
        seen.update(dict.fromkeys(frontier))
    keys = {node: (node[0], source.key_of(node)) for node in seen}
    edges = [(keys[begin], keys[end], relation) for begin, end, relation in found]
    return Neighbourhood(list(dict.fromkeys(keys.values())), list(dict.fromkeys(edges)))


def to_networkx(neighbourhood: Neighbourhood) -> "NodeGraph":
    """Directed multigraph: nodes (kind, id), parallel edges told apart by their relationship type."""
    # imported late: half a second that only those pay who look at the graph
    import networkx as nx

    graph: NodeGraph = nx.MultiDiGraph()
    for kind, key in neighbourhood.nodes:
        graph.add_node((kind, key), kind=kind, id=key)
    for begin, end, relation in neighbourhood.edges:
        graph.add_edge(begin, end, key=relation, relation=relation)
    return graph


def evidence(item_a: str, item_b: str, paths: Sequence[EvidencePath]) -> Neighbourhood:
    """The evidence paths between two items as one piece of graph."""
    ends: list[tuple[NodeKind, str]] = [("item", item_a), ("item", item_b)]
    nodes = dict.fromkeys(ends)
    edges: dict[tuple[tuple[NodeKind, str], tuple[NodeKind, str], str], None] = {}
    for path in paths:
        via: tuple[NodeKind, str] = (path.via_kind, path.via_id)
        nodes[via] = None
        for end, relation in zip(ends, (path.relation_a, path.relation_b), strict=True):
            # events point from the user to the item, the others away from the item
            edges[(via, end, relation) if path.via_kind == "user" else (end, via, relation)] = None
    return Neighbourhood(list(nodes), list(edges))


def xml_safe(text: str) -> str:
    """The text with U+FFFD in place of characters that XML cannot hold."""
    return _NOT_IN_XML.sub("\ufffd", text)


def to_graphml(neighbourhood: Neighbourhood, titles: Mapping[str, str] | None = None) -> str:
    """GraphML with `kind`, `id` and `label` of every node and `relation` of every edge.

    titles: of items, by id: their label; every other node's label is its id. Characters that XML cannot hold
    (control characters in ids) become U+FFFD.
    """
    import networkx as nx

    graph = to_networkx(neighbourhood)
    plain: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    names = {node: f"n{number}" for number, node in enumerate(graph)}
    for (kind, key), name in names.items():
        title = (titles or {}).get(key) if kind == "item" else None
        plain.add_node(name, kind=kind, id=xml_safe(key), label=xml_safe(title or key))
    for begin, end, relation in neighbourhood.edges:
        plain.add_edge(names[begin], names[end], relation=relation)
    return "\n".join(nx.generate_graphml(plain)) + "\n"
