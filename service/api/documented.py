"""How errors appear in OpenAPI: one shape, and which statuses a route can answer."""

from typing import Any

from service.api.problems import PROBLEM_JSON

_MEANINGS: dict[int, tuple[str, str, str]] = {
    400: ("The body is not JSON.", "malformed-json", "the body is not valid JSON"),
    401: (
        "Keys are configured and the request has no valid one.",
        "key-needed",
        "X-API-Key: the key is not known",
    ),
    403: ("The key lacks the scope.", "scope-needed", "this key lacks the scope 'write'"),
    404: ("No such item or user, or deleted.", "unknown-item", "no item 'B0001'"),
    408: ("The body did not arrive in time.", "too-slow", "the body did not arrive within 30 s"),
    409: (
        "The present state does not allow it.",
        "release-unusable",
        "that release cannot be opened; see GET /v1/releases",
    ),
    413: ("The body is too large.", "too-large", "at most 8388608 bytes"),
    422: (
        "A parameter breaks a rule.",
        "invalid-request",
        "query.k: Input should be less than or equal to 1000",
    ),
    429: (
        "The key asked too often, or too many accepted events wait to be taken into account.",
        "too-many-requests",
        "this key may ask 600 times a minute; try again in 1 s",
    ),
    500: ("An error that nobody foresaw.", "internal", "the error was logged under this request's id"),
    503: ("No release, no store, or not as fresh as asked for.", "no-release", "no release is served yet"),
}

PROBLEM_REF = "#/components/schemas/Problem"


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The `responses` of a route that can answer these statuses; what any route can is always among them."""
    return {status: _response(status) for status in sorted({401, 403, 429, 500, *statuses})}


def _response(status: int) -> dict[str, Any]:
    meaning, kind, detail = _MEANINGS[status]
    example = {
        "type": f"urn:ilk:problem:{kind}",
        "title": meaning.rstrip("."),
        "status": status,
        "detail": detail,
        "request_id": "8f3b1c2d4e5f6071",
    }
    return {
        "description": meaning,
        "content": {PROBLEM_JSON: {"schema": {"$ref": PROBLEM_REF}, "example": example}},
    }
