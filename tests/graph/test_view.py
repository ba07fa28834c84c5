"""Bounded pieces of the graph as networkx graphs and as GraphML."""

import io
import xml.etree.ElementTree as ET

import networkx as nx
import pytest

from graph.store import EvidencePath, Neighbourhood
from graph.view import evidence, to_graphml, to_networkx
from tests.graph.events import STRANGE_IDS

PIECE = Neighbourhood(
    nodes=[("item", "a"), ("user", "a"), ("category", "X"), ("item", "alone")],
    edges=[
        (("user", "a"), ("item", "a"), "VIEWED"),
        (("user", "a"), ("item", "a"), "PURCHASED"),
        (("item", "a"), ("category", "X"), "IN_CATEGORY"),
    ],
)


def test_networkx_keeps_kinds_and_parallel_edges() -> None:
    graph = to_networkx(PIECE)
    assert list(graph) == PIECE.nodes
    assert [graph.nodes[node] for node in graph] == [{"kind": kind, "id": key} for kind, key in PIECE.nodes]
    assert list(graph.edges(keys=True)) == [
        (("item", "a"), ("category", "X"), "IN_CATEGORY"),
        (("user", "a"), ("item", "a"), "VIEWED"),
        (("user", "a"), ("item", "a"), "PURCHASED"),
    ]


def test_graphml_reads_back() -> None:
    graph = nx.read_graphml(io.BytesIO(to_graphml(PIECE).encode()), force_multigraph=True)
    nodes = {name: (data["kind"], data["id"]) for name, data in graph.nodes(data=True)}
    assert list(nodes.values()) == PIECE.nodes
    found = {(nodes[begin], nodes[end], data["relation"]) for begin, end, data in graph.edges(data=True)}
    assert found == set(PIECE.edges)


@pytest.mark.parametrize("key", STRANGE_IDS)
def test_graphml_of_strange_ids_is_xml(key: str) -> None:
    text = to_graphml(Neighbourhood([("item", key)], []))
    values = [
        element.text for element in ET.fromstring(text.encode()).iter() if element.tag.endswith("}data")
    ]
    assert key.replace("\0", "\ufffd") in values


def test_evidence_is_a_piece_of_graph() -> None:
    piece = evidence(
        "a",
        "b",
        [
            EvidencePath("category", "X", "IN_CATEGORY", "IN_CATEGORY"),
            EvidencePath("user", "u", "VIEWED", "PURCHASED"),
        ],
    )
    assert piece.nodes == [("item", "a"), ("item", "b"), ("category", "X"), ("user", "u")]
    assert piece.edges == [
        (("item", "a"), ("category", "X"), "IN_CATEGORY"),
        (("item", "b"), ("category", "X"), "IN_CATEGORY"),
        (("user", "u"), ("item", "a"), "VIEWED"),
        (("user", "u"), ("item", "b"), "PURCHASED"),
    ]
    assert to_networkx(piece).number_of_edges() == 4
