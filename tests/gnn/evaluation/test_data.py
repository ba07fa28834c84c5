"""Tables become arrays: order, duplicates, vocabularies, alignment."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gnn.evaluation import EvaluationData, UnfitData, evaluation_data
from tests.gnn.evaluation.toy_shops import clustered_shop

ids = st.text(alphabet="aB1é\U0001f600~", min_size=1, max_size=3)


def frame(rows: list[tuple[str, str, int]]) -> pl.DataFrame:
    schema = {"user_id": pl.String, "item_id": pl.String, "at": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")


@given(
    rows=st.lists(st.tuples(ids, ids, st.integers(0, 3)), min_size=1, max_size=40),
    items=st.lists(ids, max_size=5),
)
def test_canonical_order_and_vocabularies(rows: list[tuple[str, str, int]], items: list[str]) -> None:
    data = evaluation_data("toy", frame(rows), items)
    expected = sorted(set(rows), key=lambda r: (r[2], r[0].encode(), r[1].encode()))
    assert data.item_ids is not None
    assert data.user_ids is not None
    assert data.rows is not None
    found = zip(data.user_ids[data.shop.user], data.item_ids[data.shop.item], data.shop.at, strict=True)
    assert [(u, i, int(t)) for u, i, t in found] == expected
    assert [rows[r] for r in data.rows] == expected
    assert data.user_ids.tolist() == list(dict.fromkeys(u for u, _, _ in expected))
    known = list(dict.fromkeys(items))
    extra = sorted({i for _, i, _ in rows} - set(known), key=str.encode)
    assert data.item_ids.tolist() == known + extra


def test_ids_are_compared_as_strings() -> None:
    data = evaluation_data("toy", frame([("10", "b", 1), ("9", "b", 1), ("9", "a", 0)]), ["b"])
    assert data.user_ids is not None
    assert data.user_ids.tolist() == ["9", "10"]
    assert data.shop.user.tolist() == [0, 1, 0]


def test_of_equal_events_the_heaviest_stays() -> None:
    events = frame([("u", "a", 1), ("u", "a", 1), ("u", "a", 1)]).with_columns(
        weight=pl.Series([1.0, 5.0, 5.0]), relation=pl.Series([0, 3, 4])
    )
    data = evaluation_data("toy", events, [])
    assert data.shop.weight.tolist() == [5.0]
    assert data.shop.relation.tolist() == [3]


def test_item_rows_follow_their_item() -> None:
    text = np.array([[1, 0], [0, 1], [0.6, 0.8]], np.float32)
    data = evaluation_data(
        "toy",
        frame([("u", "x", 1), ("u", "a", 2)]),
        ["b", "b", "a"],
        text=text,
        brand=np.array([7, 8, 9]),
        item_category=np.array([[0, 5], [1, 5], [2, 6]]),
        category_parent=np.full(7, -1),
    )
    assert data.item_ids is not None
    assert data.item_ids.tolist() == ["b", "a", "x"]
    assert data.shop.text is not None
    assert data.shop.text.tolist() == [[1, 0], pytest.approx([0.6, 0.8]), [0, 0]]
    assert data.shop.brand is not None
    assert data.shop.brand.tolist() == [7, 9, -1]
    assert data.shop.item_category is not None
    assert data.shop.item_category.tolist() == [[0, 5], [1, 6]]


def test_links_stay_in_the_catalogue() -> None:
    rows = [("a", "b", "buy"), ("a", "b", "buy"), ("a", "a", "buy"), ("a", "?", "buy"), ("b", "a", "view")]
    links = pl.DataFrame(rows, schema=["item_id", "linked_item_id", "link_type"], orient="row")
    data = evaluation_data("toy", frame([("u", "a", 1)]), ["b", "a"], links=links)
    assert {name: (q.tolist(), t.tolist()) for name, (q, t) in data.links.items()} == {
        "buy": ([1], [0]),
        "view": ([0], [1]),
    }


def test_what_leaks_or_points_outside_is_refused() -> None:
    shop = clustered_shop()
    with pytest.raises(UnfitData, match="leak"):
        EvaluationData("toy", replace(shop, review_text=shop.text))
    with pytest.raises(UnfitData, match="given_split"):
        EvaluationData("toy", shop, given_split=shop.n_events)
    with pytest.raises(UnfitData, match="out of range"):
        EvaluationData("toy", shop, links={"buy": (np.array([0]), np.array([shop.n_items]))})
    with pytest.raises(UnfitData, match="targets"):
        EvaluationData("toy", shop, links={"buy": (np.array([0]), np.array([1, 2]))})


def test_reviews_are_pooled_from_visible_events_only() -> None:
    shop = clustered_shop()
    asked: list[tuple[int, int]] = []

    def pool(start: int, stop: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.float32]]":
        asked.append((start, stop))
        return np.ones((shop.n_items, 2), np.float32)

    visible = EvaluationData("toy", shop, pool_reviews=pool).visible(0, 50)
    assert asked == [(0, 50)]
    assert visible.n_events == 50
    assert visible.review_text is not None
