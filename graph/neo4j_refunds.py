"""Refunds of the Neo4j graph, inside the caller's transaction."""

from typing import TYPE_CHECKING, Any

import polars as pl

from graph import neo4j_nodes
from graph.neo4j_queries import cypher
from graph.neo4j_state import StoreState
from graph.refund import take_back

if TYPE_CHECKING:
    from neo4j import ManagedTransaction

Purchase = list[Any]
"""[seq, at, quantity or None, pieces refunded]"""
Pair = tuple[int, int]
"""(user index, item index)"""


def take_refunds(tx: "ManagedTransaction", state: StoreState, refunds: pl.DataFrame) -> list[int]:
    """Lower the weights of the purchases that the refunds match; their items, one per matched refund.

    A refund without a matching purchase leaves no trace. All purchases in question are read in one go
    and all changes written in one go; between them each refund sees what the ones before it took.
    """
    if refunds.is_empty():
        return []
    pairs = _pairs(tx, refunds)
    purchases = _open_purchases(tx, [pair for pair in dict.fromkeys(pairs) if min(pair) >= 0])
    taken: dict[int, float] = {}
    matched: list[tuple[str, int, int, int]] = []
    columns = refunds.select("seq", "event_id", "at", "quantity").iter_rows()
    for pair, (seq, event_id, at, quantity) in zip(pairs, columns, strict=True):
        mine = [one for one in purchases.get(pair, []) if one[0] < seq and one[1] <= at and _is_open(one)]
        if not mine:
            continue
        by_seq = {one[0]: one for one in mine}
        for refunded, key in take_back(quantity, [(one[0], one[2], one[3]) for one in mine]):
            by_seq[key][3] = taken[key] = refunded
        matched.append((event_id, seq, *pair))
    _write(tx, taken, matched)
    state.refunds += len(matched)
    return [row[3] for row in matched]


def _pairs(tx: "ManagedTransaction", refunds: pl.DataFrame) -> list[Pair]:
    """Numbers of each refund's user and item, -1 where unknown: a refund makes no nodes."""
    is_session = refunds["anonymous"].to_numpy()
    ids = refunds["user_id"].to_list()
    known = neo4j_nodes.find(tx, "users", ids)
    sessions = neo4j_nodes.find(tx, "sessions", ids) if is_session.any() else known
    items = neo4j_nodes.find(tx, "items", refunds["item_id"].to_list())
    users = [s if flag else k for s, k, flag in zip(sessions, known, is_session, strict=True)]
    return [(int(user), int(item)) for user, item in zip(users, items, strict=True)]


def _open_purchases(tx: "ManagedTransaction", pairs: list[Pair]) -> dict[Pair, list[Purchase]]:
    """Purchases of each pair that are not wholly refunded, the newest first."""
    found: dict[Pair, list[Purchase]] = {}
    for start in range(0, len(pairs), neo4j_nodes.ROWS):
        users, items = zip(*pairs[start : start + neo4j_nodes.ROWS], strict=True)
        for record in tx.run(cypher("purchases_open"), rows={"user": users, "item": items}):
            found[pairs[start + record["pair"]]] = record["purchases"]
    return found


def _is_open(purchase: Purchase) -> bool:
    _, _, bought, refunded = purchase
    return bool(refunded < (bought or 1))


def _write(
    tx: "ManagedTransaction", taken: dict[int, float], matched: list[tuple[str, int, int, int]]
) -> None:
    changes = sorted(taken.items())
    for start in range(0, len(changes), neo4j_nodes.ROWS):
        seq, refunded = zip(*changes[start : start + neo4j_nodes.ROWS], strict=True)
        tx.run(cypher("purchases_refund"), rows={"seq": seq, "refunded": refunded}).consume()
    for start in range(0, len(matched), neo4j_nodes.ROWS):
        event_id, seqs, user, item = zip(*matched[start : start + neo4j_nodes.ROWS], strict=True)
        rows = {"eventId": event_id, "seq": seqs, "user": user, "item": item}
        tx.run(cypher("refunds_add"), rows=rows).consume()
