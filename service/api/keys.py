"""API keys: who may ask what how often, and where the server may be reached without any."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as RequestScope

from service.api.problems import Problem
from service.api.rate_limit import RateLimit
from service.api.scopes import ALL_SCOPES, Scope, needed_scope
from service.errors import CallerMistake

KEY_HEADER = "X-API-Key"
OPEN_PATHS = ("/", "/health/live", "/health/ready", "/openapi.json")
"""Answered without a key."""
OPEN_PREFIX = "/static/"
"""Files of the page and the web component: the same for everybody."""
_KEY_BYTES = 24


@dataclass(frozen=True)
class KeyGrant:
    """One key, known by its hash only."""

    digest: bytes
    """SHA-256; a key is random, so a slow hash would add nothing."""
    name: str = "api_keys"
    scopes: frozenset[Scope] = ALL_SCOPES
    per_minute: int = 0
    """Requests in any minute, for each worker; 0: as many as come."""


class ApiKeys:
    """The accepted keys; only their hashes are held. Several at once: keys are replaced at leisure."""

    def __init__(
        self, keys: Iterable[str] = (), grants: Iterable[KeyGrant] = (), per_minute: int = 0
    ) -> None:
        """keys: plain ones, with all scopes. per_minute: of plain keys and of callers without one.

        Raises `CallerMistake` for an empty key.
        """
        given = list(keys)
        if not all(key.strip() for key in given):
            raise CallerMistake("an API key must not be empty")
        plain = [
            KeyGrant(digest_of(key), f"api_keys.{place}", ALL_SCOPES, per_minute)
            for place, key in enumerate(given)
        ]
        self._grants = [*plain, *grants]
        self.anonymous = KeyGrant(b"", "anonymous", ALL_SCOPES, per_minute)

    @property
    def configured(self) -> bool:
        """Whether a key is needed at all."""
        return bool(self._grants)

    def grant_of(self, presented: str | None) -> KeyGrant | None:
        """What a key may do; None: it is not ours. How long it takes tells nothing of the keys."""
        digest = digest_of(presented or "")
        matches = [grant for grant in self._grants if hmac.compare_digest(digest, grant.digest)]
        return matches[0] if matches and presented is not None else None


def new_key() -> tuple[str, str]:
    """A random key, to be shown once, and the SHA-256 that the settings keep, hexadecimal."""
    key = f"ilk_{secrets.token_urlsafe(_KEY_BYTES)}"
    return key, digest_of(key).hex()


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
    """ASGI middleware: answers 401, 403 and 429 before anything of the request's body is read."""

    def __init__(self, app: ASGIApp, keys: ApiKeys) -> None:
        self._app = app
        self._keys = keys
        self._rate = RateLimit()

    async def __call__(self, scope: RequestScope, receive: Receive, send: Send) -> None:
        """Let the request through, or say why not."""
        if scope["type"] == "http" and not _is_open(scope["path"]):
            problem = self._refusal(scope)
            if problem is not None:
                await problem.response(scope)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, scope: RequestScope) -> Problem | None:
        grant: KeyGrant | None = self._keys.anonymous
        if self._keys.configured:
            presented = Headers(scope=scope).get(KEY_HEADER)
            grant = self._keys.grant_of(presented)
            if grant is None:
                missing = "the header is missing" if presented is None else "the key is not known"
                return Problem(
                    401, "key-needed", f"{KEY_HEADER}: {missing}", headers={"WWW-Authenticate": "ApiKey"}
                )
        assert grant is not None
        scope.setdefault("state", {})["key_name"] = grant.name
        needed = needed_scope(scope["method"], scope["path"])
        if needed not in grant.scopes:
            return Problem(403, "scope-needed", f"this key lacks the scope {needed!r}", scope=needed.value)
        wait = self._rate.wait(grant.name, grant.per_minute)
        if wait is None:
            return None
        detail = f"this key may ask {grant.per_minute} times a minute; try again in {wait} s"
        return Problem(429, "too-many-requests", detail, headers={"Retry-After": str(wait)})


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_PREFIX)


def digest_of(key: str) -> bytes:
    """SHA-256 of a key."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
