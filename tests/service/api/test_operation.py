"""Health, metrics, status, releases, keys, errors, logs, OpenAPI."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from service.answering.shaping import Boost
from service.api import ApiKeys, check_binding, create_app
from service.api.keys import is_loopback
from service.api.schemas import HealthShape, ProblemShape, ReleasesShape, StatusShape
from service.errors import CallerMistake
from service.releases.store import CURRENT_NAME
from tests.service.api.conftest import SHOP, Api
from tests.service.release_toys import publish


def test_ready_follows_the_first_release(make_api: Callable[..., Any]) -> None:
    with make_api(published=False) as api:
        assert api.get("/health/live") == {"status": "live"}
        answer = api.client.get("/health/ready")
        assert answer.status_code == 503
        assert answer.headers["content-type"] == "application/problem+json"
        assert str(api.releases.root) not in answer.text
        assert api.get("/v1/items/plain/similar", 503)["type"] == "urn:ilk:problem:no-release"
        assert api.get("/v1/status")["serving"] is None
        assert "ilk_ready 0.0" in api.client.get("/metrics").text
        accepted = api.client.post("/v1/events", json={"events": [{"user_id": "u", "item_id": "i"}]})
        assert accepted.json()["events_through"] == 0
        version = publish(api.releases, SHOP)
        api.deps.holder.poll()
        ready = api.get("/health/ready")
        HealthShape.model_validate(ready)
        assert ready["model_version"] == version


def test_status_shows_sequences_and_what_serves(api: Api) -> None:
    api.client.post("/v1/events", json={"events": [{"user_id": "u", "item_id": "i"}]})
    status = api.get("/v1/status")
    StatusShape.model_validate(status)
    assert (status["sequence"], status["applied_sequence"], status["visible_sequence"]) == (3, 2, 2)
    assert status["serving"]["version"] == status["release"]["version"] == api.releases.current_version()
    assert status["serving"]["items"] == SHOP.n - 1
    assert status["store"]["ok"] is True


def test_releases_are_listed(api: Api) -> None:
    second = publish(api.releases, SHOP, 9)
    listed = api.get("/v1/releases")
    ReleasesShape.model_validate(listed, strict=True)
    assert [row["version"] for row in listed["releases"]] == list(api.releases.versions())
    assert listed["releases"][0]["version"] == second
    assert listed["releases"][0]["current"] is True


def test_a_release_has_a_report(api: Api) -> None:
    version = api.releases.current_version()
    page = api.client.get(f"/v1/releases/{version}/report")
    assert page.headers["content-type"].startswith("text/html")
    assert f"<h1>Release {version}</h1>" in page.text
    report = api.get(f"/v1/releases/{version}/report?format=json")
    assert report["release"]["version"] == version
    assert report["release"]["serving"] is True
    unknown = api.get("/v1/releases/r000099-abcdef/report", 404)
    assert unknown["type"] == "urn:ilk:problem:unknown-release"


def test_an_older_release_that_has_to_serve_is_labelled_everywhere(api: Api) -> None:
    second = api.releases.write(SHOP.draft(9))
    (api.releases.root / second / "index.faiss").write_bytes(b"")
    (api.releases.root / CURRENT_NAME).write_text(second)
    api.deps.holder.poll()
    for path in ("/v1/items/plain/similar", "/health/ready"):
        assert "index.faiss" in api.get(path)["release_fallback"]
    assert "index.faiss" in api.get("/v1/status")["serving"]["release_fallback"]
    assert "ilk_release_fallback 1.0" in api.client.get("/metrics").text


def test_metrics_count_routes_and_never_ids(api: Api) -> None:
    for path in (
        "/v1/items/plain/similar",
        "/v1/items/nobody/similar",
        "/v1/users/anna%2Fb/recommendations",
        "/x",
    ):
        api.client.get(path)
    api.client.request("BREW", "/v1/status")
    text = api.client.get("/metrics").text
    route = "/v1/items/{item_id}/similar"
    assert f'ilk_http_requests_total{{method="GET",route="{route}",status="200"}} 1.0' in text
    assert f'ilk_http_requests_total{{method="GET",route="{route}",status="404"}} 1.0' in text
    assert 'ilk_http_requests_total{method="GET",route="unmatched",status="404"} 1.0' in text
    assert 'method="other"' in text
    assert f'ilk_http_request_duration_seconds_count{{method="GET",route="{route}"}} 2.0' in text
    assert "ilk_release_events_through 2.0" in text
    for secret in ("anna", "plain", "nobody", "item-30"):
        assert secret not in text


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/nothing", None),
        ("GET", "/v1/items/plain/similar/", None),
        ("GET", "/docs", None),
        ("DELETE", "/v1/events", "POST"),
        ("OPTIONS", "/v1/rules", "GET, POST"),
        ("POST", "/v1/items/plain", "DELETE, GET, PATCH, PUT"),
        ("POST", "/v1/items/plain/similar", "GET"),
        ("PUT", "/v1/items/plain/similar", "GET"),
        ("DELETE", "/v1/items/plain/explain/item-3", "GET"),
        ("DELETE", "/v1/users/anna%2Fb/profile", "GET"),
    ],
)
def test_wrong_paths_and_methods_are_problems(api: Api, method: str, path: str, allow: str | None) -> None:
    answer = api.client.request(method, path)
    status = 405 if allow else 404
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = ProblemShape.model_validate(answer.json())
    assert problem.status == status
    assert problem.request_id == answer.headers["x-request-id"]
    assert answer.headers.get("allow") == allow


def test_a_path_with_encoded_slashes_is_an_id_in_any_case(api: Api) -> None:
    assert api.client.put("/v1/items/x%2Fsimilar", json={"title": "T"}).status_code == 201
    assert api.get("/v1/items?item_id=x/similar")["title"] == "T"
    assert api.client.delete("/v1/items/x%2Fsimilar").status_code == 204


def test_every_answer_has_a_request_id_and_its_time(api: Api) -> None:
    answer = api.client.get("/health/live", headers={"X-Request-ID": "my-id.1"})
    assert answer.headers["x-request-id"] == "my-id.1"
    assert answer.headers["server-timing"].startswith("app;dur=")
    for invented in ("has space", "x" * 65, "<script>"):
        other = api.client.get("/health/live", headers={"X-Request-ID": invented}).headers["x-request-id"]
        assert other != invented
        assert len(other) == 16


def test_an_unforeseen_error_tells_nothing_of_the_inside(
    make_api: Callable[..., Any],
) -> None:
    def fails() -> dict[str, Any]:
        raise ZeroDivisionError("secret inside")

    with make_api(status=fails) as api:
        with capture_logs() as logs:
            answer = api.client.get("/v1/status")
        assert answer.status_code == 500
        assert answer.headers["content-type"] == "application/problem+json"
        assert "secret" not in answer.text
        assert {entry["request_id"] for entry in logs} == {answer.json()["request_id"]}
        assert "secret inside" in logs[0]["exception"]
        assert "ilk_http_errors_total" in api.client.get("/metrics").text


def test_keys_are_needed_where_configured(make_api: Callable[..., Any]) -> None:
    with make_api(keys=ApiKeys(["right", "second"])) as api:
        for path in ("/v1/items/plain/similar", "/v1/status", "/v1/releases", "/metrics", "/nothing"):
            for headers in ({}, {"X-API-Key": "wrong"}, {"X-API-Key": ""}, {"X-API-Key": "right "}):
                answer = api.client.get(path, headers=headers)
                if answer.status_code != 401:  # a client may strip what surrounds a header's value
                    assert headers.get("X-API-Key") == "right "
                    continue
                assert answer.headers["content-type"] == "application/problem+json"
                assert answer.headers["www-authenticate"] == "ApiKey"
        assert api.client.post("/v1/events", content=b"not json").status_code == 401
        for key in ("right", "second"):
            assert api.client.get("/v1/items/plain/similar", headers={"X-API-Key": key}).status_code == 200
        for path in ("/health/live", "/health/ready", "/openapi.json"):
            assert api.client.get(path).status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "::1", "[::1]", "LOCALHOST"])
def test_loopback_needs_no_key(host: str) -> None:
    assert is_loopback(host)
    check_binding(host, ApiKeys())


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "shop.example", "", "127.0.0.1.example"])
def test_the_world_needs_a_key(host: str) -> None:
    with pytest.raises(CallerMistake, match="API keys"):
        check_binding(host, ApiKeys())
    check_binding(host, ApiKeys(["k"]))


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(CallerMistake, match="empty"):
        ApiKeys(["good", " "])


def test_the_access_log_holds_no_personal_data(api: Api) -> None:
    with capture_logs() as logs:
        api.client.get("/v1/users/anna%2Fb/recommendations?k=3", headers={"X-API-Key": "sesame"})
        api.client.post(
            "/v1/events", json={"events": [{"user_id": "carla", "item_id": "i", "review_text": "hm"}]}
        )
        api.client.get("/v1/users/carla/recommendations")
    assert [entry["route"] for entry in logs[::2]] == ["/v1/users/{user_id}/recommendations"] * 2
    assert [entry["status"] for entry in logs] == [200, 200, 404]
    assert logs[0]["results"] == 3
    for secret in ("anna", "carla", "sesame", "testclient"):
        assert secret not in str(logs)


def test_openapi_of_a_server_without_keys_and_boosts(api: Api) -> None:
    open_to_all = api.get("/openapi.json")
    assert not any("security" in one for path in open_to_all["paths"].values() for one in path.values())
    trending = open_to_all["paths"]["/v1/trending"]["get"]["parameters"]
    assert next(one for one in trending if one["name"] == "boost")["schema"]["maxItems"] == 0


def test_openapi_is_complete(make_api: Callable[..., Any]) -> None:
    boosts = {"sale": Boost("on_sale", "yes", 0.3)}
    with make_api(keys=ApiKeys(["sesame"]), boosts=boosts) as api:
        schema = api.get("/openapi.json")
    assert set(schema["paths"]) == {
        "/v1/items/{item_id}/similar",
        "/v1/similar",
        "/v1/users/{user_id}/recommendations",
        "/v1/recommendations",
        "/v1/similar:batch",
        "/v1/what-if",
        "/v1/similar:by-text",
        "/v1/search",
        "/v1/recommendations:for-items",
        "/v1/trending",
        "/api/item",
        "/api/items",
        "/api/item/{item_id}",
        "/api/item/{item_id}/neighbors",
        "/api/recommend/{user_id}",
        "/api/feedback",
        "/api/user",
        "/api/user/{user_id}",
        "/v1/rules",
        "/v1/rules/{rule_id}",
        "/v1/audit",
        "/v1/releases:rollback",
        "/v1/releases:approve",
        "/v1/items/{item_id}/explain/{other}",
        "/v1/explain",
        "/v1/users/{user_id}/profile",
        "/v1/profile",
        "/v1/items:batch",
        "/v1/items",
        "/v1/items/{item_id}",
        "/v1/users/{user_id}",
        "/v1/users/{user_id}/export",
        "/v1/events",
        "/v1/status",
        "/v1/releases",
        "/v1/releases/{version}/report",
        "/health/live",
        "/health/ready",
        "/metrics",
    }
    text = json.dumps(schema)
    for name in _references(schema):
        assert name in schema["components"]["schemas"], name
    assert "HTTPValidationError" not in text
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            assert operation["summary"]
            if path.startswith("/v1/"):
                assert operation["security"] == [{"APIKeyHeader": []}]
                assert {"401", "403", "429", "500"} < set(operation["responses"])
                assert {"200", "201", "204"} & set(operation["responses"])
            for status, response in operation["responses"].items():
                if status >= "400":
                    content = response["content"]["application/problem+json"]
                    assert content["schema"] == {"$ref": "#/components/schemas/Problem"}
                    ProblemShape.model_validate(content["example"])
    parameters = {p["name"]: p for p in schema["paths"]["/v1/items/{item_id}/similar"]["get"]["parameters"]}
    conditions = {"category", "brand", "price_min", "price_max", "in_stock", "exclude", "user_id"}
    shaping = {"diversity", "boost", "fields", "explain"}
    asked = {"item_id", "k", "objective", "min_sequence", "timeout_ms"}
    assert set(parameters) == asked | conditions | shaping
    assert parameters["k"]["schema"]["maximum"] == 1000


def test_two_applications_do_not_share_metrics(api: Api, make_api: Callable[..., Any]) -> None:
    api.client.get("/health/live")
    with TestClient(
        create_app(api.deps.__class__(**{**vars(api.deps), "metrics": type(api.deps.metrics)()}))
    ) as o:
        assert "/health/live" not in o.get("/metrics").text


def _references(node: Any) -> set[str]:
    if isinstance(node, dict):
        own = {node["$ref"].rsplit("/", 1)[1]} if isinstance(node.get("$ref"), str) else set()
        return own.union(*map(_references, node.values()))
    return set().union(*map(_references, node)) if isinstance(node, list) else set()
