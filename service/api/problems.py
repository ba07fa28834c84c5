"""Errors as RFC 9457 problem documents: nothing internal, always with the request's id."""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Scope

from graph.errors import DiskFull, InvalidEvent, InvalidItem, RetryableStoreError
from service.answering.answer import UnknownItem, UnknownUser
from service.answering.rule_book import ExpiredRule, UnknownRule
from service.errors import CallerMistake, HomeBusy
from service.live.question_line import NoAnswer
from service.releases.errors import (
    ForeignRelease,
    NoRelease,
    NotWaiting,
    ReleaseError,
    TornRelease,
    UnknownRelease,
)
from service.text_vectors import TextModelUnavailable

PROBLEM_JSON = "application/problem+json"
RETRY_SECONDS = "5"
TELL_SECONDS = 5.0
"""Between two lines of the log on why requests are refused."""

logger = logging.getLogger(__name__)

_TITLES = {
    400: "The request cannot be read",
    401: "A valid API key is needed",
    403: "The key may not do this",
    404: "There is nothing here",
    405: "The method is not allowed here",
    408: "The request took too long to arrive",
    409: "The present state does not allow it",
    413: "The request is too large",
    422: "The request breaks a rule",
    429: "Too many requests",
    500: "Something went wrong inside",
    503: "Not ready",
}


class Problem(Exception):
    """An error with everything that its problem document shows."""

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        """kind: last part of the problem's `type` (`urn:ilk:problem:<kind>`). extra: further members."""
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.headers = dict(headers or {})
        self.extra = extra

    def document(self, scope: Scope) -> dict[str, Any]:
        """The problem document, with the id of the request of this scope."""
        return {
            "type": f"urn:ilk:problem:{self.kind}",
            "title": _TITLES.get(self.status, "The request failed"),
            "status": self.status,
            "detail": self.detail,
            "request_id": scope.get("state", {}).get("request_id"),
            **self.extra,
        }

    def response(self, scope: Scope) -> JSONResponse:
        """The problem document as an answer to the request of this scope."""
        return JSONResponse(self.document(scope), self.status, headers=self.headers, media_type=PROBLEM_JSON)


def internal_problem() -> Problem:
    """What the caller sees of an error that nobody foresaw."""
    return Problem(500, "internal", "the error was logged under this request's id")


def install_problem_handlers(app: FastAPI, routes: Sequence[BaseRoute]) -> None:
    """Answer every error that a route raises with a problem document. routes: all of the application."""

    quiet_until = 0.0

    async def handle(request: Request, error: Exception) -> JSONResponse:
        nonlocal quiet_until
        if isinstance(error, RetryableStoreError) and time.monotonic() >= quiet_until:
            quiet_until = time.monotonic() + TELL_SECONDS
            logger.warning("requests are refused for now: %s", error)  # callers are not told of paths
        problem = problem_of(error)
        if problem.status == 405:
            problem.headers["Allow"] = _methods_here(routes, request.scope)
        return problem.response(request.scope)

    for kind in (Problem, HTTPException, RequestValidationError, *_SERVICE_ERRORS, *_GRAPH_ERRORS):
        app.add_exception_handler(kind, handle)


_SERVICE_ERRORS: tuple[type[Exception], ...] = (
    CallerMistake,
    ReleaseError,
    HomeBusy,
    TextModelUnavailable,
    NoAnswer,
)
_GRAPH_ERRORS: tuple[type[Exception], ...] = (InvalidEvent, InvalidItem, RetryableStoreError)


_NAMED: dict[type[Exception], tuple[int, str]] = {
    UnknownItem: (404, "unknown-item"),
    UnknownUser: (404, "unknown-user"),
    UnknownRule: (404, "unknown-rule"),
    UnknownRelease: (404, "unknown-release"),
    ExpiredRule: (409, "expired"),
    NotWaiting: (409, "not-waiting"),
}
_NO_PERSON: dict[type[Exception], str] = {UnknownUser: "no such user, or erased"}
"""Callers log what they are told of errors: no person's id is in it."""


def _methods_here(routes: Iterable[BaseRoute], scope: Scope) -> str:
    """What a path knows: each method has a route of its own, and the first that fits would name only its own.
    Of several patterns that fit the path the first one is meant."""
    fitting = [
        route for route in routes if isinstance(route, Route) and route.matches(scope)[0] is not Match.NONE
    ]
    meant = [route.methods or () for route in fitting if route.path == fitting[0].path]
    return ", ".join(sorted({method for methods in meant for method in methods}))


def problem_of(error: Exception) -> Problem:
    """The problem document that an error becomes."""
    match error:
        case Problem():
            return error
        case RequestValidationError():
            return _invalid(error)
        case HTTPException():
            return _http(error)
        case UnknownItem() | UnknownUser() | UnknownRule() | UnknownRelease() | ExpiredRule() | NotWaiting():
            return Problem(*_NAMED[type(error)], _NO_PERSON.get(type(error)) or str(error))
        case TornRelease() | ForeignRelease():
            return Problem(409, "release-unusable", "that release cannot be opened; see GET /v1/releases")
        case CallerMistake() | InvalidEvent() | InvalidItem():
            return Problem(422, "invalid-request", str(error))
        case NoRelease():
            # the full reason names paths of the server; it is in the log
            return Problem(
                503,
                "no-release",
                "no release is served yet; `ilk refresh` makes one, and this server takes it up by itself",
                headers={"Retry-After": RETRY_SECONDS},
            )
        case NoAnswer():
            return Problem(503, "no-updater", str(error), headers={"Retry-After": RETRY_SECONDS})
        case TextModelUnavailable():
            return Problem(503, "no-text-model", str(error), headers={"Retry-After": "60"})
        case HomeBusy():
            detail = "files are being loaded into this shop; try again when that has ended"
            return Problem(503, "home-busy", detail, headers={"Retry-After": RETRY_SECONDS})
        case RetryableStoreError():
            full = isinstance(error, DiskFull)
            why = "the disk of the shop is full" if full else "the store does not answer at present"
            detail = f"{why}; nothing was taken, try again" if full else f"{why}; try again"
            return Problem(503, "store-unavailable", detail, headers={"Retry-After": RETRY_SECONDS})
    return internal_problem()


def _invalid(error: RequestValidationError) -> Problem:
    """What is wrong with which parameter; the values themselves are not repeated."""
    errors = [
        {"where": [str(part) for part in found["loc"]], "reason": found["type"], "detail": found["msg"]}
        for found in error.errors()
    ]
    if any(found["reason"] == "json_invalid" for found in errors):
        return Problem(400, "malformed-json", "the body is not valid JSON")
    first = errors[0]
    detail = f"{'.'.join(first['where'])}: {first['detail']}"
    return Problem(422, "invalid-request", detail, errors=errors)


def _http(error: HTTPException) -> Problem:
    kinds = {404: "not-found", 405: "method-not-allowed", 408: "too-slow", 413: "too-large"}
    details = {
        404: "no such path; GET /openapi.json lists all",
        405: "this path knows other methods; see the Allow header",
    }
    status = error.status_code
    detail = details.get(status, str(error.detail))
    return Problem(status, kinds.get(status, "bad-request"), detail, headers=error.headers)
