"""Categories as shops write them -> paths `A > B > C`."""

import ast
import html
import json
import re
import unicodedata

import polars as pl

from graph.frames import CATEGORY_SEPARATOR

MAX_LEVELS = 12
"""A deeper path is cut: no shop's tree is as deep."""
MAX_LEVEL_CHARS = 200

_SEPARATOR = re.compile(r"\s+[>›»→]\s+|(?<=\S)>(?=\S)")  # noqa: RUF001 - real menus use these
_TAG = re.compile(r"<[^<>]*>")


def category_paths(column: pl.Series, split: str | None = None) -> pl.Series:
    """String column -> List(String) column of paths, the deepest first; no category: an empty list.

    A text is one path; levels are told by ` > ` and its kin. A text that is a list (JSON or Python) without
    separators inside is one path of levels; with separators, or a list of lists, each member is a path.
    split: the text holds several paths with this character between them.
    """
    known: dict[str | None, list[str]] = {None: []}
    for text in column.unique():
        if text is not None:
            known[text] = paths_of(text, split)
    return pl.Series(column.name, [known[text] for text in column], dtype=pl.List(pl.String))


def paths_of(text: str, split: str | None = None) -> list[str]:
    """Paths of one item, the deepest first, each once."""
    if split is not None:
        found = [_levels(part) for part in text.split(split)]
    else:
        value = _as_list(text)
        found = [_levels(text)] if value is None else _list_paths(value)
    paths = dict.fromkeys(CATEGORY_SEPARATOR.join(levels) for levels in found if levels)
    return sorted(paths, key=lambda path: -path.count(CATEGORY_SEPARATOR))


def _list_paths(value: list[object]) -> list[list[str]]:
    if any(isinstance(member, list) for member in value):
        return [[level for part in m for level in _levels(str(part))] for m in value if isinstance(m, list)]
    members = [str(member) for member in value if isinstance(member, str | int | float)]
    if any(_SEPARATOR.search(member) for member in members):
        return [_levels(member) for member in members]
    return [[level for member in members for level in _levels(member)][:MAX_LEVELS]]


def _as_list(text: str) -> list[object] | None:
    stripped = text.strip()
    if not (stripped.startswith("[") and stripped.endswith("]")):
        return None
    try:
        value = json.loads(stripped)
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(stripped)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return None
    return value if isinstance(value, list) else None


def _levels(text: str) -> list[str]:
    plain = _TAG.sub(" ", html.unescape(text))
    levels = [_level(part) for part in _SEPARATOR.split(plain)]
    return [level for level in levels if level][:MAX_LEVELS]


def _level(text: str) -> str:
    tidy = " ".join(unicodedata.normalize("NFC", text).split())
    tidy = tidy.strip(">").strip().encode("utf-8", "replace").decode()
    return tidy.replace(CATEGORY_SEPARATOR, " ")[:MAX_LEVEL_CHARS]
