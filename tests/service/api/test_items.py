"""Writing items over HTTP, and what answers show of it at once."""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from service.api.schemas import ItemShape, ItemsShape, SimilarShape
from tests.service.api.conftest import SHOP, Api, ToyTexts
from tests.service.release_toys import ODD_IDS


def titles(answer: dict[str, Any]) -> dict[str, str]:
    return {row["item_id"]: row["title"] for row in answer["results"]}


@pytest.mark.parametrize("item_id", [one for one in ODD_IDS if "%" not in one])  # this client decodes twice
def test_put_get_and_delete_of_any_id(api: Api, item_id: str) -> None:
    path = f"/v1/items/{quote(item_id, safe='')}"
    body = {"title": "New", "category": "B > C", "price": 2.5, "attributes": {"colour": "red"}}
    put = api.client.put(path, json=body)
    assert put.status_code == 200
    by_query = "/v1/items?item_id=" + quote(item_id, safe="")
    assert put.json() == api.get(by_query)
    ItemShape.model_validate(put.json(), strict=True)
    assert put.json()["item_id"] == item_id
    assert put.json()["categories"] == ["B > C"]
    assert put.json()["brand"] == ""
    assert api.client.delete(path).status_code == 204
    assert api.client.get(by_query).status_code == 404
    assert api.client.delete(path).status_code == 404
    assert api.client.delete(by_query).status_code == 404
    assert api.client.put(path, json=body).status_code == 201


def test_a_new_title_and_price_are_shown_at_once(api: Api) -> None:
    near = api.get("/v1/items/plain/similar")["results"][0]["item_id"]
    api.client.put(f"/v1/items/{quote(near, safe='')}", json={"title": "Brand new", "price": 1.25})
    shown = next(row for row in api.get("/v1/items/plain/similar")["results"] if row["item_id"] == near)
    assert (shown["title"], shown["price"], shown["brand"]) == ("Brand new", 1.25, "")


def test_patch_changes_what_is_given_and_nothing_else(api: Api) -> None:
    before = api.get("/v1/items/item-40")
    assert api.client.patch("/v1/items/item-40", json={"price": 3}).json() == {**before, "price": 3.0}
    api.client.patch("/v1/items/item-40", json={"attributes": {"a": 1, "b": 2}})
    patched = api.client.patch(
        "/v1/items/item-40", json={"attributes": {"a": None}, "price": None, "brand": None}
    )
    assert patched.json() == {**before, "price": None, "brand": "", "attributes": {"b": 2}}
    assert api.client.patch("/v1/items/nobody", json={"price": 3}).status_code == 404


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ('{"title": 5}', "title"),
        ('{"titel": "x"}', "titel"),
        ('{"price": "cheap"}', "price"),
        ('{"price": NaN}', "price"),
        ('{"price": 1e999}', "price"),
        ('{"categories": ["A >  > B"]}', "category"),
        ('{"categories": [["A"]]}', "categories"),
        ('{"attributes": [1]}', "attributes"),
        ('{"attributes": {"a": NaN}}', "attributes"),
        ('{"title": "\\ud800"}', "title"),
        ('{"attributes": {"a": "\\ud800"}}', "attributes"),
        ('{"attributes": {"\\ud800": 1}}', "attributes"),
        ('{"categories": ["\\ud800"]}', "categories"),
        ('{"title": "%s"}' % ("x" * 2001), "title"),
        ("[]", "body"),
        ("null", "body"),
    ],
)
@pytest.mark.parametrize("method", ["PUT", "PATCH"])
def test_a_bad_field_is_named_and_nothing_changes(api: Api, method: str, body: str, where: str) -> None:
    before = api.get("/v1/items/item-40")
    headers = {"content-type": "application/json"}
    answer = api.client.request(method, "/v1/items/item-40", content=body, headers=headers)
    assert answer.status_code == 422, answer.text
    assert where in answer.json()["detail"]
    assert api.get("/v1/items/item-40") == before


def test_a_batch_judges_each_row_by_itself(api: Api) -> None:
    rows = [
        {"item_id": "fresh", "title": "One"},
        {"item_id": "plain", "title": "Two"},
        {"title": "without id"},
        "no object",
        {"item_id": "bad", "price": "x"},
        {"item_id": "x" * 513},
        {"item_id": "cat", "category": " > "},
        {"item_id": ".", "title": "Dot"},
    ]
    answer = api.client.post("/v1/items:batch", json={"items": rows})
    assert answer.status_code == 200
    ItemsShape.model_validate(answer.json())
    statuses = [row["status"] for row in answer.json()["results"]]
    assert statuses == ["created", "updated", *["rejected"] * 5, "created"]
    assert answer.json()["results"][4]["detail"].startswith("price")
    assert api.get("/v1/items/plain")["title"] == "Two"
    assert api.client.post("/v1/items:batch", json={"items": []}).status_code == 422
    many = api.client.post("/v1/items:batch", json={"items": [{"item_id": "a"}] * 1001})
    assert many.json()["type"] == "urn:ilk:problem:too-many-items"


def test_a_deleted_item_is_gone_from_every_route(api: Api) -> None:
    gone = [row["item_id"] for row in api.get("/v1/items/plain/similar?k=20")["results"]]
    for item_id in gone:
        assert api.client.delete(f"/v1/items/{quote(item_id, safe='')}").status_code == 204
    left = SHOP.n - 2 - len(gone)  # one was dead before, and the query itself
    for path in (
        "/v1/items/plain/similar",
        "/v1/users/anna%2Fb/recommendations",
        "/v1/items/newcomer/similar",
    ):
        for k in (1, 10, 1000):
            found = titles(api.get(f"{path}?k={k}"))
            assert not set(gone) & set(found)
            assert len(found) >= min(k, left - 2)
    assert len(titles(api.get("/v1/items/plain/similar?k=1000"))) == left
    assert (
        api.get(f"/v1/items/{quote(gone[0], safe='')}/similar", 404)["type"] == "urn:ilk:problem:unknown-item"
    )


def test_a_new_item_is_answered_by_its_text_at_once(make_api: Callable[..., Any]) -> None:
    with make_api(texts=ToyTexts()) as api:
        assert api.client.put("/v1/items/arrival", json={"title": "like 33"}).status_code == 201
        answer = api.get("/v1/items/arrival/similar?k=5")
        SimilarShape.model_validate(answer, strict=True)
        assert answer["fallback"] is None
        assert {row["source"] for row in answer["results"]} == {"text"}
        assert answer["results"][0]["item_id"] == "item-33"
        like_33 = [row["item_id"] for row in api.get("/v1/items/item-33/similar?k=4")["results"]]
        assert [row["item_id"] for row in answer["results"][1:]] == like_33
        api.client.put("/v1/items/mute", json={"price": 3})
        assert api.get("/v1/items/mute/similar")["fallback"] == "item_not_in_release"


def test_a_deleted_item_that_comes_back_is_answered_by_its_text(make_api: Callable[..., Any]) -> None:
    with make_api(texts=ToyTexts()) as api:
        api.client.put("/v1/items/item-20", json={"title": "like 33"})  # dead in the release
        assert api.get("/v1/items/item-20/similar?k=1")["results"][0]["source"] == "text"
