"""API keys: who may ask, and where the server may be reached without any."""

import hashlib
import hmac
from collections.abc import Iterable
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from service.api.problems import Problem
from service.errors import CallerMistake

KEY_HEADER = "X-API-Key"
OPEN_PATHS = ("/health/live", "/health/ready", "/openapi.json")
"""Answered without a key."""


class ApiKeys:
    """The accepted keys; only their hashes are held."""

    def __init__(self, keys: Iterable[str] = ()) -> None:
        """Raises `CallerMistake` for an empty key."""
        given = list(keys)
        if not all(key.strip() for key in given):
            raise CallerMistake("an API key must not be empty")
        self._digests = [_digest(key) for key in given]

    @property
    def configured(self) -> bool:
        """Whether a key is needed at all."""
        return bool(self._digests)

    def accepts(self, presented: str | None) -> bool:
        """Whether a key is one of ours; how long it takes tells nothing of the keys."""
        digest = _digest(presented or "")
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return presented is not None and any(matches)


def check_binding(host: str, keys: ApiKeys) -> None:
    """Raise `CallerMistake` where others than this machine could reach a server without keys."""
    if not keys.configured and not is_loopback(host):
        raise CallerMistake(
            f"without API keys only this machine may be served, not {host!r}: set serve.api_keys "
            "(ILK_SERVE__API_KEYS), or bind to 127.0.0.1"
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host.lower() == "localhost":
        return True
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class KeyGuard:
    """ASGI middleware: answers 401 before anything of the request's body is read."""

    def __init__(self, app: ASGIApp, keys: ApiKeys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, or answer 401."""
        if scope["type"] == "http" and self._keys.configured and scope["path"] not in OPEN_PATHS:
            presented = Headers(scope=scope).get(KEY_HEADER)
            if not self._keys.accepts(presented):
                missing = "the header is missing" if presented is None else "the key is not known"
                problem = Problem(
                    401, "key-needed", f"{KEY_HEADER}: {missing}", headers={"WWW-Authenticate": "ApiKey"}
                )
                await problem.response(scope)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
