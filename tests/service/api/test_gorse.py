"""What a Gorse client does works here: items, feedback, neighbours, recommendations, deletion."""

from typing import Any

import pytest

from tests.service.api.conftest import Api


def post(api: Api, path: str, body: Any, status: int = 200) -> Any:
    answer = api.client.post(path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json()


def test_neighbours_are_those_of_the_own_route(api: Api) -> None:
    found: Any = api.get("/api/item/with%2Fslash%2Fes/neighbors?n=3&offset=1")
    own = api.get("/v1/items/with%2Fslash%2Fes/similar?k=4")["results"]
    assert found == [{"Id": row["item_id"], "Score": row["score"]} for row in own[1:]]
    headers = api.client.get("/api/item/plain/neighbors").headers
    assert headers["x-model-version"] == api.releases.current_version()
    assert headers["x-events-through"] == "2"
    assert api.get("/api/item/nobody/neighbors", 404)["type"] == "urn:ilk:problem:unknown-item"


def test_recommendations_mask_what_was_seen(api: Api) -> None:
    found: Any = api.get("/api/recommend/anna%2Fb?n=100")
    assert not {"item-30", "item-31"} & set(found)
    assert found == [row["item_id"] for row in api.get("/v1/users/anna%2Fb/recommendations?k=100")["results"]]


def test_feedback_is_logged_durably(api: Api) -> None:
    rows = [
        {"FeedbackType": "buy", "UserId": "gus", "ItemId": "plain", "Timestamp": "2024-02-03T04:05:06Z"},
        {"FeedbackType": "read", "UserId": "gus", "ItemId": "item-33", "Value": 1.0, "Comment": ""},
    ]
    assert post(api, "/api/feedback", rows) == {"RowAffected": 2}
    kept = api.get("/v1/users/gus/export")["events"]
    assert [(one["item_id"], one["event_type"]) for one in kept] == [
        ("plain", "purchase"),
        ("item-33", "view_item"),
    ]
    assert post(api, "/api/feedback", rows[:1]) == {"RowAffected": 0}
    assert post(api, "/api/feedback", []) == {"RowAffected": 0}
    odd = [{"FeedbackType": "teleport", "UserId": "gus", "ItemId": "plain"}]
    assert post(api, "/api/feedback", odd, 422)["type"] == "urn:ilk:problem:invalid-request"


def test_an_item_comes_and_goes(api: Api) -> None:
    item = {"ItemId": "g/1", "Categories": ["A > Even"], "Labels": {"colour": "red"}, "Comment": "A lamp"}
    assert post(api, "/api/item", item) == {"RowAffected": 1}
    assert post(api, "/api/items", [item, {"ItemId": "g2", "IsHidden": True}]) == {"RowAffected": 2}
    assert api.get("/v1/items/g%2F1")["title"] == "A lamp"
    shown = api.get("/api/item/g%2F1")
    assert (shown["Comment"], shown["Labels"], shown["IsHidden"]) == ("A lamp", {"colour": "red"}, False)
    assert api.get("/api/item/g2")["IsHidden"] is True
    assert api.client.delete("/api/item/g%2F1").json() == {"RowAffected": 1}
    assert api.get("/api/item/g%2F1", 404)


def test_users(api: Api) -> None:
    assert post(api, "/api/user", {"UserId": "new", "Labels": ["vip"]}) == {"RowAffected": 0}
    assert api.client.delete("/api/user/anna%2Fb").json() == {"RowAffected": 1}
    assert api.get("/v1/users/anna%2Fb/export", 404)


@pytest.mark.parametrize(
    "body", [{"ItemId": ""}, {"Categories": ["A"]}, {"ItemId": "x", "Categories": [" > "]}]
)
def test_bad_items_are_refused(api: Api, body: dict[str, Any]) -> None:
    post(api, "/api/item", body, 422)
