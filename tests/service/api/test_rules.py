"""Editors' rules hold on every route, until they end; rollback and the trail of both."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.answering.editors_rules import RuleKind, RuleScope
from service.answering.rule_book import Rule, RuleBook
from service.api.schemas import AuditShape, RolledBackShape, RuleShape, RulesShape
from service.errors import CallerMistake
from tests.service.api.conftest import SHOP, Api, ToyTexts
from tests.service.release_toys import publish

ROUTES: dict[str, tuple[str, str, Any]] = {
    "similar": ("GET", "/v1/items/item-40/similar?k=5", None),
    "similar of a newcomer": ("GET", "/v1/items/newcomer/similar?k=5", None),
    "batch": ("POST", "/v1/similar:batch", {"item_ids": ["item-40"], "k": 5}),
    "text": ("POST", "/v1/similar:by-text", {"text": "like 40", "k": 5}),
    "search": ("GET", "/v1/search?q=like 40&k=5", None),
    "user": ("GET", "/v1/users/anna%2Fb/recommendations?k=5", None),
    "basket": ("POST", "/v1/recommendations:for-items", {"item_ids": ["item-40"], "k": 5}),
    "trending": ("GET", "/v1/trending?k=5", None),
    "gorse neighbours": ("GET", "/api/item/item-40/neighbors?n=5", None),
    "gorse user": ("GET", "/api/recommend/anna%2Fb?n=5", None),
}
SEEN = {"item-30", "item-31"}
"""What anna/b has bought."""
MASKED: dict[str, tuple[str, str, Any]] = {
    "similar": ("GET", "/v1/items/item-40/similar?k=100&user_id=anna/b", None),
    "similar by id": ("GET", "/v1/similar?item_id=item-40&k=100&user_id=anna/b", None),
    "batch": ("POST", "/v1/similar:batch", {"item_ids": ["item-40"], "k": 100, "user_id": "anna/b"}),
    "text": ("POST", "/v1/similar:by-text", {"text": "like 40", "k": 100, "user_id": "anna/b"}),
    "search": ("GET", "/v1/search?q=like 40&k=100&user_id=anna/b", None),
    "user": ("GET", "/v1/users/anna%2Fb/recommendations?k=100", None),
    "user by id": ("GET", "/v1/recommendations?user_id=anna/b&k=100", None),
    "basket": (
        "POST",
        "/v1/recommendations:for-items",
        {"item_ids": ["item-40"], "k": 100, "user_id": "anna/b"},
    ),
    "gorse user": ("GET", "/api/recommend/anna%2Fb?n=100", None),
}
"""Every route that can be asked for somebody."""


def ids(api: Api, route: str, routes: dict[str, tuple[str, str, Any]] = ROUTES) -> list[str]:
    method, path, body = routes[route]
    answer = api.client.request(method, path, json=body)
    assert answer.status_code == 200, answer.text
    shown = answer.json()
    if route == "gorse neighbours":
        return [row["Id"] for row in shown]
    if route == "gorse user":
        return list(shown)
    shown = shown["answers"][0] if route == "batch" else shown
    return [row["item_id"] for row in shown["results"]]


def add(api: Api, kind: str, item_id: str, scope: str = "everywhere", target: str = "", **more: Any) -> int:
    body = {
        "kind": kind,
        "item_id": item_id,
        "scope": scope,
        "target": target,
        "author": "Mia",
        "reason": "why",
    }
    answer = api.client.post("/v1/rules", json={**body, **more})
    assert answer.status_code == 201, answer.text
    return RuleShape.model_validate(answer.json()).rule_id


@pytest.mark.parametrize("route", list(ROUTES))
def test_pins_bans_and_companions_hold_on_every_route(make_api: Callable[..., Any], route: str) -> None:
    with make_api(texts=None if "newcomer" in route else ToyTexts()) as api:
        before = ids(api, route)
        last = [f"item-{row}" for row in range(12, SHOP.n) if row != 40]
        outside = [one for one in last if one not in before and one not in ("item-20", "item-30", "item-31")]
        pin, companion = outside[0], outside[1]
        rules = [add(api, "ban", before[0]), add(api, "pin", pin), add(api, "always_with", companion)]
        found = ids(api, route)
        assert len(found) == 5
        assert found[0] == pin
        assert found[-1] == companion
        assert found[1:4] == before[1:4]
        for rule_id in rules:
            assert api.client.delete(f"/v1/rules/{rule_id}?author=Mia").status_code == 204
        assert ids(api, route) == before


@pytest.mark.parametrize("route", list(MASKED))
def test_what_was_seen_never_comes_back(make_api: Callable[..., Any], route: str) -> None:
    """Neither by its score nor by a rule."""
    with make_api(texts=ToyTexts()) as api:
        for item_id in SEEN:
            add(api, "pin", item_id)
            add(api, "always_with", item_id)
        found = ids(api, route, MASKED)
        assert len(found) > 40
        assert not SEEN & set(found)


def test_a_rule_of_an_item_or_a_category_holds_there_only(api: Api) -> None:
    add(api, "pin", "item-13", "item", "item-40")
    add(api, "pin", "item-14", "category", "A")
    add(api, "ban", "item-15", "category", "A > Odd")
    assert ids(api, "similar")[:2] == ["item-13", "item-14"]  # same place: the narrower rule first
    assert ids(api, "basket")[:2] == ["item-13", "item-14"]
    assert ids(api, "user")[0] not in ("item-13", "item-14")
    odd = api.get("/v1/items/item-41/similar?k=57")["results"]
    assert "item-15" not in {row["item_id"] for row in odd}
    even = api.get("/v1/items/item-40/similar?k=57")["results"]
    assert "item-15" in {row["item_id"] for row in even}


def test_the_rule_is_named_and_what_cannot_be_shown_is_not(api: Api) -> None:
    for item_id in ("item-13", "item-20", "item-30", "item-40", "nobody"):
        add(api, "pin", item_id)  # one lives, one is dead, one was seen, one is the query, one never was
    found = api.get("/v1/items/item-40/similar?k=5&user_id=anna/b")["results"]
    assert [row.get("rule") for row in found] == ["pin", None, None, None, None]
    assert found[0]["item_id"] == "item-13"
    none = api.get("/v1/items/item-40/similar?k=5&user_id=anna/b&exclude=item-13")["results"]
    assert all("rule" not in row for row in none)
    odd = api.get("/v1/items/item-40/similar?k=5&category=A > Even")["results"]
    assert {row.get("rule") for row in odd} <= {None, "pin"}
    assert "item-13" not in {row["item_id"] for row in odd}


def test_a_ban_wins_over_a_pin(api: Api) -> None:
    add(api, "pin", "item-13")
    add(api, "ban", "item-13", "item", "item-40")
    assert "item-13" not in ids(api, "similar")


def test_a_pinned_item_keeps_its_exact_score_and_reasons(api: Api) -> None:
    free = api.get("/v1/items/item-40/similar?k=59&explain=true")["results"]
    add(api, "pin", free[30]["item_id"])
    first = api.get("/v1/items/item-40/similar?k=5&explain=true")["results"][0]
    assert first.pop("score") == pytest.approx(free[30].pop("score"))
    assert first.pop("why") == pytest.approx(free[30].pop("why"))
    assert first == {**free[30], "rule": "pin"}


def test_rules_expire_and_the_book_forgets_nothing(tmp_path: Path) -> None:
    now = [1000.0]
    book = RuleBook(tmp_path / "rules.db", lambda: now[0])
    book.add(Rule(RuleKind.BAN, "a", RuleScope.EVERYWHERE, "Mia", "recall", expires_at=1010.0))
    assert book.for_answer([], []).banned == {"a"}
    now[0] = 1010.0
    assert book.for_answer([], []).banned == frozenset()
    assert book.rules() == []
    assert [rule.item_id for rule in book.rules(ended=True)] == ["a"]
    with pytest.raises(CallerMistake, match="past"):
        book.add(Rule(RuleKind.BAN, "a", RuleScope.EVERYWHERE, "Mia", "late", expires_at=1010.0))
    book.close()


def test_another_process_sees_a_rule_at_once(tmp_path: Path) -> None:
    one, other = RuleBook(tmp_path / "rules.db"), RuleBook(tmp_path / "rules.db")
    assert other.for_answer([], []).pinned == ()
    made = one.add(Rule(RuleKind.PIN, "a", RuleScope.EVERYWHERE, "Mia", "new"))
    assert other.for_answer([], []).pinned == ("a",)
    other.end(made.rule_id, "Tom")
    assert one.for_answer([], []).pinned == ()
    one.close()
    other.close()


def test_who_decided_what(api: Api) -> None:
    rule_id = add(api, "pin", "item-13")
    api.client.delete(f"/v1/rules/{rule_id}?author=Tom")
    trail = AuditShape.model_validate(api.get("/v1/audit"))
    assert [(one.actor, one.action) for one in trail.entries] == [
        ("Tom", "rule-ended"),
        ("Mia", "rule-added"),
    ]
    assert {one.key_name for one in trail.entries} == {"anonymous"}
    assert len(AuditShape.model_validate(api.get("/v1/audit?limit=1")).entries) == 1
    assert api.get("/v1/rules") == {"rules": []}
    ended = RulesShape.model_validate(api.get("/v1/rules?ended=true")).rules
    assert [(one.item_id, one.ended_by) for one in ended] == [("item-13", "Tom")]


@pytest.mark.parametrize(
    "change",
    [
        {"target": ""},
        {"scope": "everywhere"},
        {"kind": "burn"},
        {"author": ""},
        {"reason": ""},
        {"expires_at": "2090-01-01"},
        {"item_id": ""},
        {"place": 0},
        {"surprise": 1},
    ],
)
def test_a_rule_without_sense_is_refused(api: Api, change: dict[str, Any]) -> None:
    body = {"kind": "pin", "item_id": "a", "scope": "item", "target": "b", "author": "Mia", "reason": "why"}
    answer = api.client.post("/v1/rules", json={**body, **change})
    assert answer.status_code == 422
    assert api.get("/v1/rules") == {"rules": []}


def test_a_rule_that_would_hold_no_more_is_refused(api: Api) -> None:
    body = {"kind": "ban", "item_id": "a", "scope": "everywhere", "author": "Mia", "reason": "why"}
    answer = api.client.post("/v1/rules", json={**body, "expires_at": "2020-01-01T00:00:00Z"})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:ilk:problem:expired")
    assert api.get("/v1/rules?ended=true") == {"rules": []}


def test_ending_what_is_not_there(api: Api) -> None:
    answer = api.client.delete("/v1/rules/7?author=Mia")
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:ilk:problem:unknown-rule")


def test_rollback_serves_the_release_before(api: Api) -> None:
    first = api.releases.current_version()
    second = publish(api.releases, SHOP, 9)
    body = {"author": "Mia", "reason": "odd neighbours"}
    done = api.client.post("/v1/releases:rollback", json=body)
    assert done.status_code == 200, done.text
    assert RolledBackShape.model_validate(done.json()) == RolledBackShape(version=str(first), before=second)
    api.deps.holder.poll()
    assert api.get("/v1/items/plain/similar")["model_version"] == first
    forth = api.client.post("/v1/releases:rollback", json={**body, "version": second})
    assert forth.json()["version"] == second
    unknown = api.client.post("/v1/releases:rollback", json={**body, "version": "r000009-aaaaaa"})
    assert (unknown.status_code, unknown.json()["type"]) == (404, "urn:ilk:problem:unknown-release")
    (api.releases.root / str(first) / "index.faiss").write_bytes(b"")
    torn = api.client.post("/v1/releases:rollback", json={**body, "version": first})
    assert (torn.status_code, torn.json()["type"]) == (409, "urn:ilk:problem:release-unusable")
    entries = AuditShape.model_validate(api.get("/v1/audit")).entries
    assert [one.detail["to"] for one in entries] == [second, first]
