"""Mappings: a TOML file that says what the columns of any table mean.

::

    name = "my shop"                         # optional
    timezone = "Europe/Berlin"               # of times without zone; default UTC
    missing = ["NULL", "N/A"]                # spellings of "no value" beside the empty one

    [[tables]]
    files = ["orders-*.csv", "orders.parquet"]   # default: every file that has the columns
    delimiter = ";"                          # default: guessed; also quote, escape, encoding

    [tables.events]
    user_id = "customer"                     # a column
    session_id = ["Invoice", "InvoiceNo"]    # whichever of these the file has
    item_id = "sku"
    timestamp = { columns = ["day", "hour"], join = " ", formats = ["%d/%m/%Y %H:%M"] }
    event_type = { column = "action", values = { buy = "purchase", look = "view_item" } }
    quantity = { column = "qty", optional = true }
    refund_prefix = { column = "Invoice", prefix = "C" }

    [tables.items]
    item_id = "sku"
    title = "name"
    category = { column = "genres", split = "|" }
    brand = { constant = "Acme" }
    attributes = ["colour"]                  # or "all"; default none
    only_if_positive = "price"               # rows without a price tell nothing of the item

    [tables.links]
    item_id = "sku"
    linked_item_id = "other"
    link_type = { constant = "also_buy" }

`explode = "items"` under `[[tables]]` makes one row of each member of that list of objects; the member's
keys are columns `items.<key>`, those of objects `outer.inner`.
"""

import tomllib
from collections.abc import Mapping as MappingABC
from dataclasses import dataclass, fields
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from graph.errors import BadMapping
from graph.event_type import EventType
from graph.formats.csv_records import Dialect
from graph.formats.fields import EventFields, Field, ItemFields, LinkFields
from graph.instant import TimeRules

_FIELD_KEYS = {"column", "columns", "join", "constant", "values", "optional"}
_DIALECT_KEYS = ("delimiter", "quote", "escape", "encoding")


@dataclass(frozen=True)
class TableMapping:
    """What one kind of table means."""

    files: tuple[str, ...] = ()
    """Globs of file names; none: every file that has the columns."""
    dialect: Dialect | None = None
    """None: guessed."""
    explode: str | None = None
    events: EventFields | None = None
    items: ItemFields | None = None
    links: LinkFields | None = None

    def names(self, file: str) -> bool:
        """Whether the table is said to be in this file."""
        return any(fnmatch(file, pattern) for pattern in self.files)

    def absent(self, present: tuple[str, ...]) -> list[str]:
        """`field: column` of what a file would need and lacks."""
        parts = [part for part in (self.events, self.items, self.links) if part is not None]
        return list(dict.fromkeys(text for part in parts for text in part.absent(present)))


@dataclass(frozen=True)
class Mapping:
    """A whole mapping file."""

    name: str
    tables: tuple[TableMapping, ...]
    missing: frozenset[str] = frozenset()


def read_mapping(path: Path) -> Mapping:
    """Read and check a mapping file. Raises `BadMapping` naming the entry that is wrong."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BadMapping(f"{path}: the mapping cannot be read ({error})") from error
    return parse_mapping(text, path.stem)


def parse_mapping(text: str, name: str) -> Mapping:
    """Like `read_mapping`, from the file's text."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadMapping(f"mapping {name}: not valid TOML ({error})") from error
    where = f"mapping {name}"
    _known(content, {"name", "description", "timezone", "missing", "tables"}, where)
    tables = content.get("tables")
    if not isinstance(tables, list) or not tables:
        raise BadMapping(f"{where}: at least one [[tables]] is needed")
    zone = _text(content.get("timezone", "UTC"), f"{where}: timezone")
    parsed = tuple(_table(t, zone, f"{where}: table {n}") for n, t in enumerate(tables, start=1))
    missing = _texts(content.get("missing", []), f"{where}: missing")
    return Mapping(_text(content.get("name", name), f"{where}: name"), parsed, frozenset(missing))


def _table(content: object, zone: str, where: str) -> TableMapping:
    table = _section(content, where)
    _known(table, {"files", "explode", "events", "items", "links", *_DIALECT_KEYS}, where)
    if not {"events", "items", "links"} & set(table):
        raise BadMapping(f"{where}: [tables.events], [tables.items] or [tables.links] is needed")
    explode = table.get("explode")
    return TableMapping(
        files=_texts(table.get("files", []), f"{where}: files"),
        dialect=_dialect(table, where),
        explode=None if explode is None else _text(explode, f"{where}: explode"),
        events=_events(table["events"], zone, f"{where}: events") if "events" in table else None,
        items=_items(table["items"], f"{where}: items") if "items" in table else None,
        links=_links(table["links"], f"{where}: links") if "links" in table else None,
    )


def _dialect(table: MappingABC[str, Any], where: str) -> Dialect | None:
    given = {
        key: _text(table[key], f"{where}: {key}", empty=key == "quote")
        for key in _DIALECT_KEYS
        if key in table
    }
    for key in ("delimiter", "quote", "escape"):
        if len(given.get(key, "x")) > 1:
            raise BadMapping(f"{where}: {key} must be one character")
    if "encoding" in given:
        try:
            "".encode(given["encoding"])
        except LookupError as error:
            raise BadMapping(f"{where}: unknown encoding {given['encoding']!r}") from error
    if "delimiter" not in given:  # the delimiter is guessed where the mapping leaves it open
        return Dialect(**given, delimiter="") if given else None
    return Dialect(**given)


def _events(content: object, zone: str, where: str) -> EventFields:
    section = dict(_section(content, where))
    times = section.get("timestamp")
    extra: dict[str, Any] = {}
    if isinstance(times, dict):
        times = dict(times)
        zone = _text(times.pop("timezone", zone), f"{where}: timezone")
        extra["formats"] = _texts(times.pop("formats", []), f"{where}: formats")
        section["timestamp"] = times
    try:
        rules = TimeRules(timezone=zone, **extra)
    except ValueError as error:
        raise BadMapping(f"{where}: {error}") from error
    options: dict[str, Any] = {"times": rules}
    if "default_type" in section:
        options["default_type"] = _event_type(section.pop("default_type"), where)
    if "refund_prefix" in section:
        mark = dict(_section(section.pop("refund_prefix"), f"{where}: refund_prefix"))
        options["refund_prefix"] = _text(mark.pop("prefix", None), f"{where}: refund_prefix.prefix")
        section["refund_mark"] = mark
    found = _named(section, EventFields, where)
    _needed(found, ("item_id", "timestamp"), where)
    if "user_id" not in found and "session_id" not in found:
        raise BadMapping(f"{where}: user_id or session_id is needed")
    kind = found.get("event_type")
    if kind is not None:
        for value in [*(kind.values or {}).values(), *([kind.constant] if kind.constant else [])]:
            _event_type(value, where)
    options.update(found)
    return EventFields(**options)


def _items(content: object, where: str) -> ItemFields:
    section = dict(_section(content, where))
    options: dict[str, Any] = {}
    category = section.get("category")
    if isinstance(category, dict) and "split" in category:
        category = dict(category)
        options["category_split"] = _text(category.pop("split"), f"{where}: category.split")
        section["category"] = category
    attributes = section.pop("attributes", [])
    options["attributes"] = None if attributes == "all" else _texts(attributes, f"{where}: attributes")
    found = _named(section, ItemFields, where)
    _needed(found, ("item_id",), where)
    options.update(found)
    return ItemFields(**options)


def _links(content: object, where: str) -> LinkFields:
    found = _named(dict(_section(content, where)), LinkFields, where)
    _needed(found, ("item_id", "linked_item_id", "link_type"), where)
    return LinkFields(**found)


def _named(section: MappingABC[str, Any], kind: type, where: str) -> dict[str, Field]:
    names = {f.name for f in fields(kind) if "Field" in str(f.type)}
    _known(section, names, where)
    return {name: _field(value, f"{where}: {name}") for name, value in section.items()}


def _field(value: object, where: str) -> Field:
    if isinstance(value, str):
        return Field((_text(value, where),))
    if isinstance(value, list):
        return Field(_texts(value, where, some=True))
    entry = _section(value, where)
    _known(entry, _FIELD_KEYS, where)
    if sum(key in entry for key in ("column", "columns", "constant")) != 1:
        raise BadMapping(f"{where}: one of column, columns and constant is needed")
    if "constant" in entry:
        return Field(constant=str(entry["constant"]))
    column = entry.get("column")
    names = _texts(entry.get("columns", column if isinstance(column, list) else [column]), where, some=True)
    values = entry.get("values")
    if values is not None:
        values = {key: _text(member, f"{where}: values") for key, member in _section(values, where).items()}
    joined = "columns" in entry
    join = _text(entry.get("join", " "), f"{where}: join", empty=True)
    return Field(names, joined=joined, join=join, values=values, optional=entry.get("optional") is True)


def _event_type(value: object, where: str) -> str:
    if value not in {kind.value for kind in EventType}:
        raise BadMapping(f"{where}: {value!r} is no event type ({', '.join(EventType)})")
    return str(value)


def _needed(found: MappingABC[str, Field], names: tuple[str, ...], where: str) -> None:
    for name in names:
        if name not in found:
            raise BadMapping(f"{where}: {name} is needed")


def _known(section: MappingABC[str, Any], known: set[str], where: str) -> None:
    for key in section:
        if key not in known:
            raise BadMapping(f"{where}: unknown entry {key!r} (known: {', '.join(sorted(known))})")


def _section(value: object, where: str) -> MappingABC[str, Any]:
    if not isinstance(value, dict):
        raise BadMapping(f"{where}: a table of entries is needed, not {value!r:.40}")
    return value


def _text(value: object, where: str, *, empty: bool = False) -> str:
    if not isinstance(value, str) or not (value or empty):
        raise BadMapping(f"{where}: a text is needed, not {value!r:.40}")
    return value


def _texts(value: object, where: str, *, some: bool = False) -> tuple[str, ...]:
    members = [value] if isinstance(value, str) else value
    if not isinstance(members, list) or (some and not members):
        raise BadMapping(f"{where}: a list of texts is needed, not {value!r:.40}")
    return tuple(_text(member, where) for member in members)
