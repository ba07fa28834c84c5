"""One valid call of every operation that the OpenAPI document lists, against the toy shop."""

from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote

from fastapi.testclient import TestClient

Operation = tuple[str, str]
"""Method, capital letters, and the path's pattern."""


@dataclass(frozen=True)
class Call:
    """One request, its parameters still apart."""

    method: str
    pattern: str
    path: dict[str, str] = field(default_factory=dict)
    query: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def operation(self) -> Operation:
        """Which one it is of."""
        return self.method, self.pattern

    @property
    def target(self) -> str:
        """The path, its parameters percent-encoded."""
        filled = self.pattern
        for name, value in self.path.items():
            filled = filled.replace(f"{{{name}}}", quote(value, safe=""))
        return filled

    def but(self, **changes: Any) -> "Call":
        """The same with other parts."""
        return replace(self, **changes)

    def sent(self, client: TestClient) -> Any:
        """Send it; the client's `Response`."""
        given: dict[str, Any] = {} if self.body is None else {"json": self.body}
        return client.request(
            self.method, self.target, params=self.query or None, headers=self.headers, **given
        )


ITEM, OTHER, USER = "item-40", "item-41", "anna/b"
_CARD = {"title": "A lamp", "brand": "Acme", "categories": ["A > Even"], "price": 3.5}
_EVENT = {"user_id": "carla", "item_id": ITEM, "event_type": "purchase"}
_FEEDBACK = [{"FeedbackType": "buy", "UserId": "gus", "ItemId": ITEM}]
_RULE = {"kind": "ban", "item_id": OTHER, "scope": "everywhere", "author": "Mia", "reason": "recall"}

CALLS: tuple[Call, ...] = (
    Call("GET", "/v1/items/{item_id}/similar", {"item_id": ITEM}),
    Call("GET", "/v1/similar", query={"item_id": ITEM}),
    Call("GET", "/v1/users/{user_id}/recommendations", {"user_id": USER}),
    Call("GET", "/v1/recommendations", query={"user_id": USER}),
    Call("POST", "/v1/similar:batch", body={"item_ids": [ITEM, OTHER]}),
    Call("POST", "/v1/similar:by-text", body={"text": "like 40"}),
    Call("GET", "/v1/search", query={"q": "like 40"}),
    Call("GET", "/v1/trending"),
    Call("POST", "/v1/recommendations:for-items", body={"item_ids": [ITEM]}),
    Call("POST", "/v1/what-if", body={"item_id": ITEM, "events": [_EVENT]}),
    Call("GET", "/v1/items/{item_id}/explain/{other}", {"item_id": ITEM, "other": OTHER}),
    Call("GET", "/v1/explain", query={"item_id": ITEM, "other": OTHER}),
    Call("GET", "/v1/users/{user_id}/profile", {"user_id": USER}),
    Call("GET", "/v1/profile", query={"user_id": USER}),
    Call("POST", "/v1/events", body={"events": [_EVENT]}),
    Call("GET", "/api/item/{item_id}/neighbors", {"item_id": ITEM}),
    Call("GET", "/api/recommend/{user_id}", {"user_id": USER}),
    Call("PUT", "/api/feedback", body=_FEEDBACK),
    Call("POST", "/api/feedback", body=_FEEDBACK),
    Call("POST", "/api/item", body={"ItemId": "g1", "Comment": "A lamp"}),
    Call("POST", "/api/items", body=[{"ItemId": "g2", "Comment": "A lamp"}]),
    Call("GET", "/api/item/{item_id}", {"item_id": ITEM}),
    Call("DELETE", "/api/item/{item_id}", {"item_id": "item-50"}),
    Call("POST", "/api/user", body={"UserId": "gus"}),
    Call("DELETE", "/api/user/{user_id}", {"user_id": USER}),
    Call("GET", "/v1/users/{user_id}/export", {"user_id": USER}),
    Call("DELETE", "/v1/users/{user_id}", {"user_id": USER}),
    Call("POST", "/v1/items:batch", body={"items": [{"item_id": "b1", **_CARD}]}),
    Call("PUT", "/v1/items/{item_id}", {"item_id": "p1"}, body=_CARD),
    Call("PATCH", "/v1/items/{item_id}", {"item_id": ITEM}, body={"title": "Another lamp"}),
    Call("DELETE", "/v1/items/{item_id}", {"item_id": "item-51"}),
    Call("GET", "/v1/items/{item_id}", {"item_id": ITEM}),
    Call("GET", "/v1/items", query={"item_id": ITEM}),
    Call("DELETE", "/v1/items", query={"item_id": "item-52"}),
    Call("GET", "/health/live"),
    Call("GET", "/health/ready"),
    Call("GET", "/metrics"),
    Call("GET", "/v1/status"),
    Call("GET", "/v1/releases"),
    Call("GET", "/v1/releases/{version}/report", {"version": "r000001-abcdef"}),
    Call("GET", "/v1/rules"),
    Call("POST", "/v1/rules", body=_RULE),
    Call("DELETE", "/v1/rules/{rule_id}", {"rule_id": "1"}, query={"author": "Mia"}),
    Call("GET", "/v1/audit"),
    Call("POST", "/v1/releases:approve", body={"version": "r000099-abcdef", "author": "Mia", "reason": "ok"}),
    Call("POST", "/v1/releases:rollback", body={"author": "Mia", "reason": "odd neighbours"}),
)

BY_OPERATION = {call.operation: call for call in CALLS}
