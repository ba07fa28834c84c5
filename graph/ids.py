"""External ids: UTF-8 strings of 1 to 512 bytes, compared byte by byte, never normalised."""

from graph.errors import InvalidEvent

MAX_ID_BYTES = 512
"""Neo4j refuses index keys beyond about 8 kB; 512 leaves room for composite keys."""


def id_problem(value: str) -> str | None:
    """Why a string cannot be an id: `empty_id`, `id_too_long`, `id_not_utf8`; None when it can."""
    if not value:
        return "empty_id"
    try:
        size = len(value.encode("utf-8"))
    except UnicodeEncodeError:  # lone surrogates: bytes that were never UTF-8
        return "id_not_utf8"
    return "id_too_long" if size > MAX_ID_BYTES else None


def check_id(value: str, field: str) -> str:
    """Return the id unchanged. Raises `InvalidEvent` naming the field and the rule."""
    problem = id_problem(value)
    if problem is not None:
        raise InvalidEvent(f"{field}: {problem} (ids are UTF-8 strings of 1 to {MAX_ID_BYTES} bytes)")
    return value
