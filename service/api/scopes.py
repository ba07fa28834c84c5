"""What a key may do: read answers, write items and events, administer."""

import re
from enum import StrEnum


class Scope(StrEnum):
    """Each includes those above it."""

    READ = "read"
    """Answers, items, status, metrics."""
    WRITE = "write"
    """Events and items."""
    ADMIN = "admin"
    """Users' data, editors' rules, releases."""


ALL_SCOPES = frozenset(Scope)

_READING_POSTS = re.compile(r"/v1/(similar:batch|similar:by-text|recommendations:for-items|what-if)$")
_ADMIN = re.compile(r"/v1/users/.+/export$|/v1/rules|/v1/releases:|/v1/releases/|/v1/audit$", re.DOTALL)


def needed_scope(method: str, path: str) -> Scope:
    """The scope that a request needs; path: decoded, as the routes see it."""
    reading = method in ("GET", "HEAD", "OPTIONS")
    if _ADMIN.match(path) and not (reading and path.startswith("/v1/rules")):
        return Scope.ADMIN
    if path.startswith("/v1/users/") and not reading:
        return Scope.ADMIN
    if reading or (method == "POST" and _READING_POSTS.match(path)):
        return Scope.READ
    return Scope.WRITE
