"""Links of the OpenAPI document: which call goes on from which answer, and with what of it.

Clients' generators and testers follow them (https://spec.openapis.org/oas/v3.1.0#link-object).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

_ITEM = "$request.path.item_id"
_FIRST = "$response.body#/results/0/item_id"
_USER = "$request.body#/events/0/user_id"
_OF_ITEM = (
    ("get", "/v1/items/{item_id}"),
    ("patch", "/v1/items/{item_id}"),
    ("delete", "/v1/items/{item_id}"),
    ("get", "/v1/items/{item_id}/similar"),
    ("get", "/v1/similar"),
    ("get", "/api/item/{item_id}"),
    ("get", "/api/item/{item_id}/neighbors"),
)
_OF_USER = (
    ("get", "/v1/users/{user_id}/recommendations"),
    ("get", "/v1/users/{user_id}/profile"),
    ("get", "/v1/users/{user_id}/export"),
    ("delete", "/v1/users/{user_id}"),
    ("get", "/v1/recommendations"),
    ("get", "/api/recommend/{user_id}"),
)


@dataclass(frozen=True)
class Link:
    """One step from an answer to a further call."""

    method: str
    path: str
    status: str
    """Of the answer that leads on."""
    to_method: str
    to_path: str
    parameters: dict[str, str]
    """Name of the further call's parameter -> runtime expression."""
    body: dict[str, str] | None = None
    """Likewise of its body."""


def add_links(schema: dict[str, Any]) -> None:
    """Add the links to an OpenAPI document, in place."""
    paths = schema["paths"]
    for link in _links():
        response = paths[link.path][link.method]["responses"][link.status]
        target = paths[link.to_path][link.to_method]["operationId"]
        shown: dict[str, Any] = {"operationId": target, "parameters": link.parameters}
        if link.body is not None:
            shown["requestBody"] = link.body
        response.setdefault("links", {})[target] = shown


def _links() -> Iterator[Link]:
    for status in ("200", "201"):
        for method, path in _OF_ITEM:
            yield Link("put", "/v1/items/{item_id}", status, method, path, {"item_id": _ITEM})
    for method, path in _OF_ITEM[:2]:  # 404 from then on
        yield Link("delete", "/v1/items/{item_id}", "204", method, path, {"item_id": _ITEM})
    for method, path in _OF_USER:
        yield Link("post", "/v1/events", "200", method, path, {"user_id": _USER})
    waits = {"item_id": "$request.body#/events/0/item_id", "min_sequence": "$response.body#/sequence"}
    yield Link("post", "/v1/events", "200", "get", "/v1/similar", waits)
    for source in ("/v1/search", "/v1/trending", "/v1/recommendations"):
        for method, path in _OF_ITEM[3:]:
            yield Link("get", source, "200", method, path, {"item_id": _FIRST})
    pair = {"item_id": "$response.body#/item_id", "other": _FIRST}
    for path in ("/v1/items/{item_id}/similar", "/v1/similar"):
        yield Link("get", path, "200", "get", "/v1/items/{item_id}/explain/{other}", pair)
        yield Link("get", path, "200", "get", "/v1/explain", pair)
    version = "$response.body#/releases/0/version"
    yield Link("get", "/v1/releases", "200", "get", "/v1/releases/{version}/report", {"version": version})
    again = {"version": version, "author": "Mia", "reason": "as it was"}
    yield Link("get", "/v1/releases", "200", "post", "/v1/releases:rollback", {}, again)
    ended = {"rule_id": "$response.body#/rule_id"}
    yield Link("post", "/v1/rules", "201", "delete", "/v1/rules/{rule_id}", ended)
