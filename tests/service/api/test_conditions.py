"""Conditions on results, searches, batches, baskets."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest

from service.api.schemas import SearchShape, SimilarBatchShape
from tests.service.api.conftest import SHOP, Api, ToyTexts, running_api

ROWS = [row for row in SHOP.items.iter_rows(named=True) if row["alive"]]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Tests that only read share one application."""
    with running_api(tmp_path_factory.mktemp("shop"), texts=ToyTexts()) as running:
        yield running


def ids(answer: dict[str, Any]) -> list[str]:
    return [row["item_id"] for row in answer["results"]]


@pytest.mark.parametrize(
    ("query", "passes"),
    [
        ("category=A", lambda row: True),
        ("category=A > Odd", lambda row: "A > Odd" in row["categories"]),
        ("category=A > O", lambda row: False),
        ("brand=aCME", lambda row: True),
        ("brand=other", lambda row: False),
        ("price_min=40", lambda row: row["price"] is not None and row["price"] >= 40),
        ("price_max=20", lambda row: row["price"] is not None and row["price"] <= 20),
        ("price_min=40&price_max=41", lambda row: row["price"] in (40, 41)),
        ("in_stock=true", lambda row: True),
        ("exclude=item-40&exclude=a/similar", lambda row: row["item_id"] not in ("item-40", "a/similar")),
        ("user_id=anna/b", lambda row: row["item_id"] not in ("item-30", "item-31")),
        ("user_id=nobody", lambda row: True),
        (
            "category=A > Even&price_min=30&exclude=item-40",
            lambda row: (
                "A > Even" in row["categories"] and (row["price"] or 0) >= 30 and row["item_id"] != "item-40"
            ),
        ),
    ],
)
@pytest.mark.parametrize(
    "path", ["/v1/items/plain/similar", "/v1/search?q=0", "/v1/users/anna%2Fb/recommendations"]
)
def test_k_results_when_k_pass_and_none_that_does_not(
    shop: Api, path: str, query: str, passes: Callable[[dict[str, Any]], bool]
) -> None:
    if "recommendations" in path and "user_id" in query:
        pytest.skip("the user is in the path")
    passing = {row["item_id"] for row in ROWS if passes(row)}
    if "similar" in path:
        passing -= {"plain"}
    if "recommendations" in path:
        passing -= {"item-30", "item-31"}
    for k in (1, 5, 60):
        found = ids(shop.get(f"{path}{'&' if '?' in path else '?'}k={k}&{query}"))
        assert len(found) == min(k, len(passing))
        assert set(found) <= passing


def test_conditions_keep_the_order(shop: Api) -> None:
    everything = ids(shop.get("/v1/items/plain/similar?k=60"))
    odd = {row["item_id"] for row in ROWS if "A > Odd" in row["categories"]}
    wanted = [one for one in everything if one in odd]
    assert ids(shop.get("/v1/items/plain/similar?k=60&category=A > Odd")) == wanted


def test_conditions_hold_for_what_the_item_is_now(api: Api) -> None:
    first = ids(api.get("/v1/items/plain/similar?in_stock=true&k=1"))[0]
    api.client.patch(
        f"/v1/items/{quote(first, safe='')}", json={"availability": "https://schema.org/OutOfStock"}
    )
    assert first not in ids(api.get("/v1/items/plain/similar?in_stock=true&k=60"))
    assert first in ids(api.get("/v1/items/plain/similar?k=60"))


@pytest.mark.parametrize("query", ["price_min=-1", "price_min=NaN", "in_stock=maybe", "exclude="])
def test_senseless_conditions_are_refused(shop: Api, query: str) -> None:
    for path in ("/v1/items/plain/similar", "/v1/users/anna%2Fb/recommendations"):
        assert shop.get(f"{path}?{query}", 422)["type"] == "urn:ilk:problem:invalid-request"


def test_a_search_returns_the_nearest_texts(shop: Api) -> None:
    answer = shop.get("/v1/search?q=something like 33&k=7")
    SearchShape.model_validate(answer, strict=True)
    scores = SHOP.vectors @ SHOP.vectors[33]
    order = [SHOP.ids[row] for row in np.argsort(-scores, kind="stable") if row != 20]
    assert ids(answer) == order[:7]
    assert {row["source"] for row in answer["results"]} == {"text"}
    for body in ({"text": "33", "k": 7}, {"item": {"title": "33"}, "k": 7}):
        assert shop.client.post("/v1/similar:by-text", json=body).json() == answer


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": ""},
        {"text": "1", "item": {"title": "1"}},
        {"item": {}},
        {"text": "  "},
        {"text": None},
    ],
)
def test_a_text_without_words_is_refused(shop: Api, body: dict[str, Any]) -> None:
    assert shop.client.post("/v1/similar:by-text", json=body).status_code == 422
    assert shop.get("/v1/search?q=", 422)
    assert shop.get("/v1/search?q=%20", 422)


def test_without_a_text_model_a_search_says_so(api: Api) -> None:
    assert api.get("/v1/search?q=33", 503)["type"] == "urn:ilk:problem:no-text-model"


def test_a_batch_equals_its_singles(shop: Api) -> None:
    asked = ["plain", "nobody", "item-33", "item-20"]
    body = {"item_ids": asked, "k": 4, "objective": "next", "exclude": ["item-40"]}
    answer = shop.client.post("/v1/similar:batch", json=body).json()
    SimilarBatchShape.model_validate(answer)
    singles = [
        shop.client.get(f"/v1/items/{one}/similar?k=4&objective=next&exclude=item-40").json() for one in asked
    ]
    assert [answer["answers"][0], answer["answers"][2]] == [singles[0], singles[2]]
    for place in (1, 3):
        problem = answer["answers"][place]["problem"]
        assert (problem["status"], problem["type"]) == (404, singles[place]["type"])
    assert answer["model_version"] == singles[0]["model_version"]
    none = shop.client.post("/v1/similar:batch", json={"item_ids": ["nobody"]}).json()
    assert none["events_through"] == 2


def test_items_for_a_basket(shop: Api) -> None:
    body = {"item_ids": ["item-30", "item-31"], "k": 58}
    basket = shop.client.post("/v1/recommendations:for-items", json=body).json()
    SearchShape.model_validate(basket, strict=True)
    assert ids(basket) == ids(shop.get("/v1/users/anna%2Fb/recommendations?k=58"))
    assert len(ids(basket)) == SHOP.n - 3
    unknown = shop.client.post("/v1/recommendations:for-items", json={"item_ids": ["nobody"]}).json()
    assert unknown["fallback"] == "no_history"
    seen = {"item_ids": ["plain"], "user_id": "anna/b", "k": 60}
    found = ids(shop.client.post("/v1/recommendations:for-items", json=seen).json())
    assert not {"plain", "item-30", "item-31"} & set(found)
