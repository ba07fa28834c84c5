"""Evaluation learns from what a refresh would: purchases less what refunds took back until then."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from gnn.evaluation import EvaluationData
from gnn.evaluation.taken_back import TakenBack
from gnn.shop_arrays import ShopArrays
from graph.interaction import Interaction
from graph.memory_store import MemoryGraphStore
from graph.refund import is_refund
from service.evaluating.evaluation import EvaluateRequest, read_shop
from service.evaluating.refunds import taken_back
from service.reporter import Reporter
from service.settings import load_settings
from tests.graph.events import apply, edges, event, frame


def shopping(seed: int, count: int = 400) -> list[Interaction]:
    """Events of few shoppers and items, so that refunds meet purchases; times repeat."""
    rng = np.random.default_rng(seed)
    made = []
    for number in range(count):
        kind = str(rng.choice(["view_item", "purchase", "purchase", "refund"]))
        pieces = None if rng.random() < 0.3 else float(rng.integers(1, 5))
        at = 10_000_000 * (number // 3) + int(rng.integers(-40, 1)) * 1_000_000
        user, item = f"u{rng.integers(4)}", f"i{rng.integers(3)}"
        anonymous = bool(rng.random() < 0.2)
        made.append(event(f"e{number}", user, item, kind, at, quantity=pieces, anonymous=anonymous))
    return sorted(made, key=lambda one: one.at)


@pytest.mark.parametrize("seed", range(5))
def test_what_is_left_is_what_a_graph_store_keeps(seed: int) -> None:
    events = shopping(seed)
    store = MemoryGraphStore()
    apply(store, *events)
    kept = edges(store)
    told = frame(*events)
    n = len(kept["seq"])
    assert n == int((~told.select(is_refund()).to_series()).sum())
    found = taken_back(told, np.arange(n))
    assert found is not None
    assert len(np.unique(kept["weight"])) > 4, "refunds in part, too"
    np.testing.assert_allclose(
        found.left_of(np.ones(n, np.float32), 0, 10**18),
        np.asarray(kept["weight"], np.float32) / weights_before(events),
        rtol=1e-5,
        atol=1e-6,
    )


def weights_before(events: list[Interaction]) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """What the same events weigh in a store that no refund came to."""
    store = MemoryGraphStore()
    apply(store, *(one for one in events if one.event_type != "refund"))
    return np.asarray(edges(store)["weight"], np.float32)


def test_a_later_refund_is_not_known_yet() -> None:
    n = 4
    shop = ShopArrays(
        n_users=1,
        n_items=4,
        user=np.zeros(n, np.int64),
        item=np.arange(n),
        at=np.array([10, 20, 30, 40]),
        weight=np.full(n, 2.0, np.float32),
        relation=np.full(n, 3, np.int8),
    )
    taken = TakenBack(np.array([0, 0, 2]), np.array([20, 40, 35]), np.array([0.5, 0.0, 0.25], np.float32))
    data = EvaluationData("toy", shop, taken_back=taken)
    for stop, weight in ((1, [2]), (2, [1, 2]), (3, [1, 2, 2]), (4, [0, 2, 0.5, 2])):
        assert data.visible(0, stop).weight.tolist() == weight
    assert data.visible(2, 4).weight.tolist() == [0.5, 2]
    newest = replace(data, shop=shop.events(2, 4), taken_back=taken.since(2))
    assert newest.visible(0, 2).weight.tolist() == [0.5, 2]
    assert replace(data, taken_back=None).visible(0, 4).weight.tolist() == [2, 2, 2, 2]
    assert data.shop.weight.tolist() == [2, 2, 2, 2], "what came next is what shoppers did"


def test_files_with_refunds(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"user_id": "u", "item_id": "a", "timestamp": 1_700_000_000, "event_type": "purchase", "quantity": 4},
        {"user_id": "u", "item_id": "b", "timestamp": 1_700_000_010, "event_type": "purchase", "quantity": 1},
        {
            "user_id": "u",
            "item_id": "a",
            "timestamp": 1_700_000_020,
            "event_type": "purchase",
            "quantity": -1,
        },
        {"user_id": "u", "item_id": "b", "timestamp": 1_700_000_030, "event_type": "refund", "quantity": 1},
        {"user_id": "u", "item_id": "a", "timestamp": 1_700_000_040},
    ]
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in (*rows, rows[2])), "utf-8")
    settings = load_settings(tmp_path / "home", {"encoder": {"model": "hashing:32"}})
    data = read_shop(EvaluateRequest(path), settings, Reporter(Console(quiet=True)))
    whole = data.shop.weight
    assert data.shop.n_events == 3
    np.testing.assert_allclose(data.visible(0, 2).weight, whole[:2])
    np.testing.assert_allclose(data.visible(0, 3).weight, whole * [0.75, 0, 1])
