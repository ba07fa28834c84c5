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
_ADMIN_READS = re.compile(r"/v1/users/.+/(export|profile)$|/v1/profile$|/v1/audit$", re.DOTALL)
_ADMIN_WRITES = re.compile(r"/v1/users/|/v1/rules|/v1/releases[:/]|/api/user/")


def needed_scope(method: str, path: str) -> Scope:
    """The scope that a request needs; path: decoded, as the routes see it."""
    reading = method in ("GET", "HEAD", "OPTIONS")
    if (_ADMIN_READS if reading else _ADMIN_WRITES).match(path):
        return Scope.ADMIN
    if reading or (method == "POST" and _READING_POSTS.match(path)):
        return Scope.READ
    return Scope.WRITE
