"""Ids that are not what ids look like."""

from graph.frames import EVENT_SCHEMA
from graph.store import (
    EvidencePath,
    GraphStore,
    SimilarRow,
)
from tests.graph.events import STRANGE_IDS, apply, catalogue, edges, event, frame


def test_they_are_plain_data_everywhere(store: GraphStore) -> None:
    ids = STRANGE_IDS
    store.upsert_items(catalogue(*ids, title="it's", categories=tuple(f"K > {one}" for one in ids)))
    apply(store, *(event(f"e{one}"[:200], one, one, "purchase", at=n) for n, one in enumerate(ids)))
    apply(store, *(event(f"f{one}"[:200], one, ids[0], at=50) for one in ids))
    apply(store, event("r" + ids[1], ids[1], ids[1], "refund", at=99))
    store.replace_similar("v'1", [SimilarRow(one, ids[0], 1, 0.5) for one in ids[1:]])
    assert store.node_keys("user").ids == list(ids)
    assert store.node_keys("item").ids == list(ids)
    for number, one in enumerate(ids):
        assert store.items([one])["index"].to_list() == [number]
        assert store.user_index(one) == number
        assert store.user_history(one)[-1] == (one, number or 50)
        assert ("user", one) in store.neighbours([("item", one)], 1, 100).nodes
        assert EvidencePath("user", one, "PURCHASED", "VIEWED") in store.paths(one, ids[0]) or number == 0
    assert edges(store)["weight"].tolist()[:3] == [1.0, 0.0, 1.0]
    for one in ids[2:]:
        store.delete_user(one)
        store.delete_item(one)
    assert store.stats().users == store.stats().items == 2


def test_frames_of_the_log_have_the_columns_of_the_schema() -> None:
    assert frame(event("1")).columns == list(EVENT_SCHEMA)
