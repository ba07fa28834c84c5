"""Ids in paths and queries: any text of 1 to 512 bytes, slashes and line breaks included."""

import re
from typing import Annotated
from urllib.parse import unquote_to_bytes

from fastapi import Path
from starlette.convertors import Convertor, register_url_convertor
from starlette.requests import Request

from graph.ids import MAX_ID_BYTES, id_problem
from service.api.problems import Problem
from service.api.queries import ID_SCHEMA

_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class IdConvertor(Convertor[str]):
    """Path parameter `{name:id}`: everything up to the rest of the route's pattern, percent-decoded."""

    regex = "(?s:.*)"

    def convert(self, value: str) -> str:
        """The id as it stands."""
        return value

    def to_string(self, value: str) -> str:
        """The id as it stands."""
        return value


def register_id_convertor() -> None:
    """Let routes use `{name:id}`."""
    register_url_convertor("id", IdConvertor())


register_id_convertor()

ItemId = Annotated[
    str,
    Path(
        description="1 to 512 bytes of UTF-8, percent-encoded; may hold slashes.",
        examples=["B0C1", "a/b"],
        json_schema_extra=ID_SCHEMA,
    ),
]
UserId = Annotated[
    str,
    Path(
        description="1 to 512 bytes of UTF-8, percent-encoded; may hold slashes.",
        examples=["u42"],
        json_schema_extra=ID_SCHEMA,
    ),
]


ITEM_PARTS = re.compile(rb"/similar$|/explain/|/neighbors$")
"""What follows an item's id in the paths of reads."""
USER_PARTS = re.compile(rb"/(recommendations|profile|export)$")
"""What follows a user's id in the paths of reads."""


def written_id(request: Request, value: str, name: str, parts: re.Pattern[bytes]) -> str:
    """As `checked_id`, for writes: a path that is a read's is no id, unless its slash is percent-encoded.

    Raises `Problem` 405, too.
    """
    _refuse(request, parts)
    return checked_id(request, value, name)


def refuse_parts_of_items(request: Request) -> None:
    """A dependency of routes with a body: tells of a wrong path before anything of the body is judged."""
    _refuse(request, ITEM_PARTS)


def _refuse(request: Request, parts: re.Pattern[bytes]) -> None:
    if parts.search(request.scope.get("raw_path", b"")):
        detail = "this path can only be read; of an id that ends so, write the slashes as %2F"
        raise Problem(405, "method-not-allowed", detail)


def checked_id(request: Request, value: str, name: str) -> str:
    """The id unchanged. Raises `Problem` 422 with the reason: `empty_id`, `id_too_long`, `id_not_utf8`."""
    reason = id_problem(value)
    if reason is None and _REPLACEMENT in value and not _is_utf8(request):
        reason = "id_not_utf8"
    if reason is not None:
        detail = f"{name}: {reason} (ids are UTF-8 strings of 1 to {MAX_ID_BYTES} bytes)"
        raise Problem(422, "invalid-id", detail, reason=reason)
    return value


def _is_utf8(request: Request) -> bool:
    """Whether the address was UTF-8 before decoding put replacement characters into it."""
    raw = request.scope.get("raw_path", b"") + b"?" + request.scope.get("query_string", b"")
    try:
        unquote_to_bytes(raw.decode("latin-1")).decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
