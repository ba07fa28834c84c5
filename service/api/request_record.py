"""What is recorded of every request: id, time, metrics, one log line; and unforeseen errors."""

import re
import secrets
import time
import traceback
from dataclasses import dataclass, field

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.metrics import Metrics
from service.api.problems import internal_problem

REQUEST_ID_HEADER = "X-Request-ID"
_CALLERS_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

logger = structlog.stdlib.get_logger("ilk.access")


@dataclass
class _Record:
    request_id: str
    started: float = field(default_factory=time.perf_counter)
    status: int | None = None
    seconds: float = 0.0


class RequestRecord:
    """Outermost ASGI middleware. The log line holds the route's pattern, never the path, the query, the
    caller's address or a key: ids of users stay out of it."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer and record."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = _Record(_request_id(scope))
        scope.setdefault("state", {})["request_id"] = record.request_id

        async def recording(message: Message) -> None:
            if message["type"] == "http.response.start":
                _stamp(record, message)
            await send(message)

        try:
            await self._app(scope, receive, recording)
        except Exception as error:
            await self._unforeseen(error, record, scope, receive, recording)
        finally:
            self._count(record, scope)

    async def _unforeseen(
        self, error: Exception, record: _Record, scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._metrics.errors.labels(_route(scope)).inc()
        logger.error(
            "unforeseen error",
            request_id=record.request_id,
            route=_route(scope),
            # as text: some renderers of exceptions print local variables, and those hold personal data
            exception="".join(traceback.format_exception(error)),
        )
        if record.status is None:
            await internal_problem().response(scope)(scope, receive, send)

    def _count(self, record: _Record, scope: Scope) -> None:
        method, route = _method(scope), _route(scope)
        status = record.status or 499  # the caller went away before the answer
        self._metrics.requests.labels(method, route, str(status)).inc()
        self._metrics.seconds.labels(method, route).observe(record.seconds)
        logger.info(
            "request",
            request_id=record.request_id,
            method=method,
            route=route,
            status=status,
            milliseconds=round(record.seconds * 1000, 3),
            **scope["state"].get("log", {}),
        )


def _stamp(record: _Record, message: Message) -> None:
    record.status = message["status"]
    record.seconds = time.perf_counter() - record.started
    headers = MutableHeaders(scope=message)
    headers[REQUEST_ID_HEADER] = record.request_id
    headers["Server-Timing"] = f"app;dur={record.seconds * 1000:.3f}"


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(REQUEST_ID_HEADER, "")
    return given if _CALLERS_ID.fullmatch(given) else secrets.token_hex(8)


def _route(scope: Scope) -> str:
    return getattr(scope.get("route"), "path_format", "unmatched")


def _method(scope: Scope) -> str:
    method: str = scope["method"]
    known = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
    return method if method in known else "other"  # a label must not grow with what callers invent
