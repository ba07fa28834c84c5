"""Similar items and recommendations over HTTP."""

from dataclasses import replace
from urllib.parse import quote

import pytest
from fastapi.testclient import TestClient

from service.api import create_app
from service.api.schemas import RecommendationsShape, SimilarShape
from tests.service.api.conftest import SHOP, Api
from tests.service.release_toys import ODD_IDS, ToyShop, publish


@pytest.mark.parametrize("item_id", [one for one in ODD_IDS if "%" not in one])  # this client decodes twice
def test_any_id_works_in_the_path_and_in_the_query(api: Api, item_id: str) -> None:
    by_path = api.get(f"/v1/items/{quote(item_id, safe='')}/similar")
    by_query = api.get("/v1/similar", params={"item_id": item_id})
    assert by_path == by_query
    assert by_path["item_id"] == item_id
    assert len(by_path["results"]) == 10
    SimilarShape.model_validate(by_path, strict=True)


@pytest.mark.parametrize("item_id", ["with/slash/es", "a/similar", "end/similar/similar"])
def test_slashes_need_no_encoding(api: Api, item_id: str) -> None:
    assert api.get(f"/v1/items/{item_id}/similar")["item_id"] == item_id


def test_what_waits_for_the_start_is_told_of_it_once(api: Api) -> None:
    told: list[str] = []
    deps = replace(api.deps, started=lambda: told.append(api.deps.holder.serving().release.version))
    with TestClient(create_app(deps)) as client:
        assert told == [api.releases.current_version()]
        assert client.get("/v1/items/plain/similar").status_code == 200
    assert len(told) == 1


def test_the_answer_is_the_services(api: Api) -> None:
    answer = api.get("/v1/items/plain/similar?k=3&objective=next")
    from gnn.objective import Objective

    assert answer == api.deps.answers.similar("plain", 3, Objective.NEXT).to_json(item_id="plain")
    assert answer["events_through"] == 2
    assert answer["model_version"] == api.releases.current_version()
    assert answer["fallback"] is None


@pytest.mark.parametrize("route", ["/v1/items/plain/similar", "/v1/users/anna%2Fb/recommendations"])
@pytest.mark.parametrize(
    "query",
    ["k=0", "k=-1", "k=1000000000", "k=1001", "k=ten", "k=", "k=1.5", "colour=red", "min_sequence=-1"],
)
def test_a_senseless_parameter_is_named(api: Api, route: str, query: str) -> None:
    problem = api.get(f"{route}?{query}", 422)
    assert problem["type"] == "urn:ilk:problem:invalid-request"
    assert query.partition("=")[0] in problem["detail"]


def test_an_unknown_objective_is_refused(api: Api) -> None:
    problem = api.get("/v1/items/plain/similar?objective=best", 422)
    assert "together" in problem["detail"]


@pytest.mark.parametrize("path", ["/v1/items/{}/similar", "/v1/similar?item_id={}"])
@pytest.mark.parametrize(
    ("item_id", "reason"),
    [("a" * 513, "id_too_long"), ("ё" * 257, "id_too_long"), ("", "empty_id"), ("%ff", "id_not_utf8")],
)
def test_ids_beyond_the_rules_are_refused_with_the_reason(
    api: Api, path: str, item_id: str, reason: str
) -> None:
    problem = api.get(path.format(item_id if "%" in item_id else quote(item_id)), 422)
    assert problem["reason"] == reason


@pytest.mark.parametrize("item_id", ["nobody", "item-20", "\N{REPLACEMENT CHARACTER}", "plain ", "PLAIN"])
def test_unknown_and_deleted_items_are_404(api: Api, item_id: str) -> None:
    problem = api.get(f"/v1/items/{quote(item_id)}/similar", 404)
    assert problem["type"] == "urn:ilk:problem:unknown-item"


def test_deleted_items_are_never_returned(api: Api) -> None:
    for item_id in SHOP.ids:
        if item_id != "item-20":
            found = api.get("/v1/similar", params={"item_id": item_id, "k": 1000})["results"]
            assert len(found) == SHOP.n - 2
            assert "item-20" not in {row["item_id"] for row in found}


def test_an_item_that_is_not_in_the_release_gets_a_labelled_fallback(api: Api) -> None:
    answer = api.get("/v1/items/newcomer/similar?k=5")
    assert answer["fallback"] == "item_not_in_release"
    assert {row["source"] for row in answer["results"]} == {"fallback"}
    SimilarShape.model_validate_json(api.client.get("/v1/items/newcomer/similar").content)
    assert 'ilk_fallback_answers_total{reason="item_not_in_release"} 2.0' in api.client.get("/metrics").text


def test_recommendations(api: Api) -> None:
    by_path = api.get("/v1/users/anna/b/recommendations?k=60")
    assert by_path == api.get("/v1/recommendations?user_id=anna%2Fb&k=60")
    RecommendationsShape.model_validate(by_path, strict=True)
    found = {row["item_id"] for row in by_path["results"]}
    assert found == set(SHOP.ids) - {"item-20", "item-30", "item-31"}
    assert api.get("/v1/users/nobody/recommendations", 404)["type"] == "urn:ilk:problem:unknown-user"
    assert api.get(f"/v1/users/{'u' * 513}/recommendations", 422)["reason"] == "id_too_long"


def test_min_sequence_waits_for_the_release(api: Api) -> None:
    assert api.get("/v1/items/plain/similar?min_sequence=2")["events_through"] == 2
    view = {"event_id": "third", "user_id": "zoe", "item_id": "plain", "timestamp": 1_700_000_000}
    early = api.get("/v1/items/plain/similar?min_sequence=3&timeout_ms=20000", 409)
    assert (early["type"], early["sequence"]) == ("urn:ilk:problem:no-such-sequence", 2)
    assert api.client.post("/v1/events", json={"events": [view]}).json()["sequence"] == 3
    late = api.client.get("/v1/items/plain/similar?min_sequence=3&timeout_ms=30")
    assert late.status_code == 503
    assert late.json()["type"] == "urn:ilk:problem:not-that-fresh"
    assert late.json()["events_through"] == 2
    assert late.headers["retry-after"] == "1"
    publish(api.releases, SHOP, 3)
    answer = api.get("/v1/users/anna%2Fb/recommendations?min_sequence=3&timeout_ms=20000")
    assert answer["events_through"] == 3


def test_a_new_release_is_followed_without_a_restart(api: Api) -> None:
    before = api.get("/v1/items/plain/similar")
    view = {"event_id": "third", "user_id": "zoe", "item_id": "plain"}
    api.client.post("/v1/events", json={"events": [view]})
    version = publish(api.releases, ToyShop(n=60, seed=5), 3)
    after = api.get("/v1/items/plain/similar?min_sequence=3&timeout_ms=20000")
    assert after["model_version"] == version != before["model_version"]
    assert after["results"] != before["results"]
