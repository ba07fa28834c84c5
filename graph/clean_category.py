"""Categories as shops write them -> paths `A > B > C`."""

import ast
import html
import json
import re
import unicodedata

import polars as pl

from graph.category import MAX_PATH_BYTES
from graph.frames import CATEGORY_SEPARATOR

MAX_LEVELS = 32
"""A deeper path is cut: no shop's tree is as deep."""
MAX_LEVEL_CHARS = 200

_SEPARATOR = re.compile(r"\s+[>›»→]\s+|(?<=\S)>(?=\S)")  # noqa: RUF001 - real menus use these
_TAG = re.compile(r"<[^<>]*>")


def category_paths(column: pl.Series, split: str | None = None) -> tuple[pl.Series, pl.Series]:
    """String column -> List(String) column of paths, the deepest first (no category: an empty list), and a
    Boolean column that tells where a path was cut.

    A text is one path; levels are told by ` > ` and its kin. A text that is a list (JSON or Python) without
    separators inside is one path of levels; with separators, or a list of lists, each member is a path. Of
    objects, as shop systems export them, the `name` counts; each object of a list is a path.
    split: the text holds several paths with this character between them.
    """
    known: dict[str | None, tuple[list[str], bool]] = {None: ([], False)}
    for text in column.unique():
        if text is not None:
            known[text] = _fitting(_found(text, split))
    paths, cut = zip(*(known[text] for text in column), strict=True) if len(column) else ((), ())
    return (
        pl.Series(column.name, paths, dtype=pl.List(pl.String)),
        pl.Series(column.name, cut, dtype=pl.Boolean),
    )


def paths_of(text: str, split: str | None = None) -> list[str]:
    """Paths of one item, the deepest first, each once."""
    return _fitting(_found(text, split))[0]


def _found(text: str, split: str | None) -> list[list[str]]:
    """Paths as levels, of any number and length."""
    if split is not None:
        return [_levels(part) for part in text.split(split)]
    value = _as_value(text)
    if isinstance(value, dict):
        value = [value]
    return [_levels(text)] if value is None else _list_paths(value)


def _fitting(found: list[list[str]]) -> tuple[list[str], bool]:
    """Paths that a store takes, and whether any had to be cut at its lower end for that."""
    whole = [levels for levels in found if levels]
    kept = [_cut(levels) for levels in whole]
    paths = dict.fromkeys(CATEGORY_SEPARATOR.join(levels) for levels in kept)
    return sorted(paths, key=lambda path: -path.count(CATEGORY_SEPARATOR)), kept != whole


def _cut(levels: list[str]) -> list[str]:
    """The first levels, as many as a path may have; of each its first characters."""
    kept: list[str] = []
    left = MAX_PATH_BYTES
    for level in levels[:MAX_LEVELS]:
        level = level[:MAX_LEVEL_CHARS].strip()
        left -= len(level.encode()) + (len(CATEGORY_SEPARATOR) if kept else 0)
        if left < 0:
            break
        kept.append(level)
    return kept


def _list_paths(value: list[object]) -> list[list[str]]:
    if any(isinstance(member, list) for member in value):
        return [
            [level for part in m for level in _levels(_named(part))] for m in value if isinstance(m, list)
        ]
    names = [_named(member) for member in value]
    if any(isinstance(member, dict) for member in value) or any(_SEPARATOR.search(name) for name in names):
        return [_levels(name) for name in names]
    return [[level for name in names for level in _levels(name)]]


def _named(member: object) -> str:
    """A level as text: an object's name, nothing where it has none."""
    if isinstance(member, dict):
        member = member.get("name")
    return str(member) if isinstance(member, str | int | float) else ""


def _as_value(text: str) -> list[object] | dict[str, object] | None:
    """The list or object that a text spells, `None` for others."""
    stripped = text.strip()
    if stripped[:1] + stripped[-1:] not in ("[]", "{}"):
        return None
    try:
        value = json.loads(stripped)
    except (ValueError, RecursionError):
        try:
            value = ast.literal_eval(stripped)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return None
    if isinstance(value, dict):
        return value if isinstance(value.get("name"), str) else None
    return value if isinstance(value, list) else None


def _levels(text: str) -> list[str]:
    plain = _TAG.sub(" ", html.unescape(text))
    levels = [_level(part) for part in _SEPARATOR.split(plain)]
    return [level for level in levels if level]


def _level(text: str) -> str:
    tidy = " ".join(unicodedata.normalize("NFC", text).split())
    tidy = tidy.strip(">").strip().encode("utf-8", "replace").decode()
    return tidy.replace(CATEGORY_SEPARATOR, " ")
