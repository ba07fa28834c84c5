"""Scopes, rotation, rate limits, CORS: who may ask what how often, from where."""

from collections.abc import Callable
from typing import Any

import pytest
from structlog.testing import capture_logs

from service.api import ApiKeys, KeyGrant, Scope
from service.api.keys import digest_of, new_key
from service.api.rate_limit import RateLimit
from service.api.scopes import needed_scope
from service.errors import BadSettings
from service.serving import api_keys
from service.settings import load_settings

READ, WRITE, ADMIN = Scope.READ, Scope.WRITE, Scope.ADMIN

NEEDED = {
    ("GET", "/v1/items/{item_id}/similar"): READ,
    ("GET", "/v1/similar"): READ,
    ("GET", "/v1/users/{user_id}/recommendations"): READ,
    ("GET", "/v1/recommendations"): READ,
    ("POST", "/v1/similar:batch"): READ,
    ("POST", "/v1/similar:by-text"): READ,
    ("GET", "/v1/search"): READ,
    ("GET", "/v1/trending"): READ,
    ("POST", "/v1/recommendations:for-items"): READ,
    ("GET", "/v1/items/{item_id}/explain/{other}"): READ,
    ("GET", "/v1/explain"): READ,
    ("GET", "/v1/users/{user_id}/profile"): ADMIN,
    ("GET", "/v1/profile"): ADMIN,
    ("POST", "/v1/items:batch"): WRITE,
    ("PUT", "/v1/items/{item_id}"): WRITE,
    ("PATCH", "/v1/items/{item_id}"): WRITE,
    ("DELETE", "/v1/items/{item_id}"): WRITE,
    ("GET", "/v1/items/{item_id}"): READ,
    ("GET", "/v1/items"): READ,
    ("DELETE", "/v1/items"): WRITE,
    ("POST", "/v1/events"): WRITE,
    ("DELETE", "/v1/users/{user_id}"): ADMIN,
    ("GET", "/v1/users/{user_id}/export"): ADMIN,
    ("GET", "/api/item/{item_id}/neighbors"): READ,
    ("GET", "/api/recommend/{user_id}"): READ,
    ("POST", "/api/feedback"): WRITE,
    ("POST", "/api/item"): WRITE,
    ("DELETE", "/api/item/{item_id}"): WRITE,
    ("POST", "/api/user"): WRITE,
    ("DELETE", "/api/user/{user_id}"): ADMIN,
    ("GET", "/v1/rules"): READ,
    ("POST", "/v1/rules"): ADMIN,
    ("DELETE", "/v1/rules/{rule_id}"): ADMIN,
    ("GET", "/v1/audit"): ADMIN,
    ("POST", "/v1/releases:rollback"): ADMIN,
    ("POST", "/v1/releases:approve"): ADMIN,
    ("GET", "/v1/releases/{version}/report"): READ,
    ("POST", "/v1/what-if"): READ,
    ("GET", "/v1/status"): READ,
    ("GET", "/v1/releases"): READ,
    ("GET", "/metrics"): READ,
}
"""What this page of the documentation promises for each route."""


def test_every_route_has_the_scope_that_is_promised(api: Any) -> None:
    routes = {
        (method.upper(), path)
        for path, operations in api.get("/openapi.json")["paths"].items()
        for method in operations
        if not path.startswith("/health")
    }
    assert set(NEEDED) <= routes
    for method, path in routes:
        filled = path.replace("{item_id}", "a/b\n").replace("{user_id}", "u/v\nw").replace("{other}", "c")
        if (method, path) in NEEDED:
            assert needed_scope(method, filled) == NEEDED[method, path], (method, path)
        elif method != "GET":
            assert needed_scope(method, filled) in (WRITE, ADMIN), (method, path)


def grant(key: str, *scopes: Scope, per_minute: int = 0) -> KeyGrant:
    return KeyGrant(digest_of(key), f"for-{key}", frozenset(scopes), per_minute)


def test_a_key_does_what_its_scopes_say(make_api: Callable[..., Any]) -> None:
    keys = ApiKeys(["plain"], [grant("reader", READ), grant("writer", READ, WRITE), grant("boss", *Scope)])
    event = {"events": [{"user_id": "u", "item_id": "plain"}]}
    with make_api(keys=keys) as api:

        def status(key: str, method: str, path: str, **kwargs: Any) -> int:
            answer = api.client.request(method, path, headers={"X-API-Key": key}, **kwargs)
            if answer.status_code == 403:
                assert answer.json()["type"] == "urn:ilk:problem:scope-needed"
                assert key not in answer.text
            code: int = answer.status_code
            return code

        assert [
            status(k, "GET", "/v1/items/plain/similar") for k in ("plain", "reader", "writer", "boss")
        ] == [200] * 4
        assert status("reader", "POST", "/v1/similar:batch", json={"item_ids": ["plain"]}) == 200
        assert status("reader", "POST", "/v1/events", json=event) == 403
        assert status("reader", "DELETE", "/v1/items/plain") == 403
        assert status("writer", "POST", "/v1/events", json=event) == 200
        assert status("writer", "DELETE", "/v1/users/anna%2Fb") == 403
        for part in ("users/anna%2Fb/export", "users/anna%2Fb/profile", "profile?user_id=anna/b"):
            for key in ("reader", "writer"):  # a key in a shop's pages must not tell what somebody bought
                assert status(key, "GET", f"/v1/{part}") == 403
            assert status("boss", "GET", f"/v1/{part}") in (200, 404)
        assert status("boss", "GET", "/v1/users/anna%2Fb/export") == 200
        assert status("plain", "DELETE", "/v1/users/anna%2Fb") == 200
        assert status("stranger", "GET", "/v1/status") == 401


def test_too_many_requests_are_told_when_to_come_back(make_api: Callable[..., Any]) -> None:
    with make_api(keys=ApiKeys([], [grant("hasty", READ, per_minute=3), grant("calm", READ)])) as api:
        hasty = [api.client.get("/v1/status", headers={"X-API-Key": "hasty"}) for _ in range(4)]
        assert [answer.status_code for answer in hasty] == [200, 200, 200, 429]
        assert hasty[-1].json()["type"] == "urn:ilk:problem:too-many-requests"
        assert 1 <= int(hasty[-1].headers["retry-after"]) <= 20
        assert api.client.get("/v1/status", headers={"X-API-Key": "calm"}).status_code == 200
        assert api.client.get("/health/live").status_code == 200


def test_a_bucket_fills_again() -> None:
    now = [0.0]
    rate = RateLimit(lambda: now[0])
    assert [rate.wait("a", 2) for _ in range(3)] == [None, None, 30]
    now[0] = 29.0
    assert rate.wait("a", 2) == 1
    now[0] = 30.0
    assert rate.wait("a", 2) is None
    assert rate.wait("b", 2) is None
    assert all(rate.wait("free", 0) is None for _ in range(100))


def test_old_and_new_key_work_side_by_side_while_keys_are_replaced(tmp_path: Any) -> None:
    (old, old_hash), (new, new_hash) = new_key(), new_key()
    (tmp_path / "ilk.toml").write_text(
        "".join(
            f'[[serve.keys]]\nname = "{name}"\nsha256 = "{digest}"\nscopes = ["read", "write"]\n'
            for name, digest in (("old", old_hash), ("new", new_hash))
        ),
        "utf-8",
    )
    settings = load_settings(tmp_path, {"serve": {"api_keys": ["plain"]}})
    keys = api_keys(settings.serve)
    for key in (old, new):
        found = keys.grant_of(key)
        assert found is not None
        assert found.scopes == {READ, WRITE}
    assert keys.grant_of("plain") is not None
    assert keys.grant_of(old_hash) is None
    assert len({old, new}) == 2
    assert len(old) > 30
    assert old not in str(settings) + str(vars(keys))


def test_a_key_setting_needs_a_hash_and_a_scope(tmp_path: Any) -> None:
    for key in ({"name": "a", "sha256": "secret"}, {"name": "a", "sha256": "0" * 64, "scopes": ["all"]}):
        with pytest.raises(BadSettings, match=r"serve\.keys"):
            load_settings(tmp_path, {"serve": {"keys": [key]}})


def test_pages_of_named_origins_may_ask(make_api: Callable[..., Any]) -> None:
    keys = ApiKeys([], [grant("reader", READ)])
    with make_api(keys=keys, cors_origins=("https://shop.example",)) as api:
        asked = {
            "Origin": "https://shop.example",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "X-API-Key",
        }
        before = api.client.options("/v1/items/plain/similar", headers=asked)
        assert before.status_code == 200
        assert before.headers["access-control-allow-origin"] == "https://shop.example"
        real = {"Origin": "https://shop.example", "X-API-Key": "reader"}
        answer = api.client.get("/v1/items/plain/similar", headers=real)
        assert answer.headers["access-control-allow-origin"] == "https://shop.example"
        other = api.client.options(
            "/v1/items/plain/similar", headers={**asked, "Origin": "https://evil.example"}
        )
        assert "access-control-allow-origin" not in other.headers


def test_without_the_setting_no_other_page_may_ask(api: Any) -> None:
    answer = api.client.get("/v1/status", headers={"Origin": "https://shop.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_keys_are_never_written_down(make_api: Callable[..., Any]) -> None:
    with make_api(keys=ApiKeys(["sesame"], [grant("tiny-secret", READ, per_minute=1)])) as api:
        with capture_logs() as logs:
            for key in ("sesame", "tiny-secret", "tiny-secret", "wrong-secret"):
                answer = api.client.get("/v1/status", headers={"X-API-Key": key})
                assert key not in answer.text
        metrics = api.client.get("/metrics", headers={"X-API-Key": "sesame"}).text
    for secret in ("sesame", "tiny-secret", "wrong-secret"):
        assert secret not in str(logs) + metrics
