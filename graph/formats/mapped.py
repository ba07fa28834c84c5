"""Tables read by a mapping."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from importlib import resources
from typing import Any

from graph.errors import BadMapping, UnreadableInput
from graph.formats.fields import EventFields, ItemFields, LinkFields
from graph.formats.json_lines import Flatten, Record, one_row
from graph.formats.mapping import Mapping, TableMapping, parse_mapping
from graph.formats.probe import Kind, Probe, probe
from graph.formats.table_shop import Table, TableShop


@cache
def shipped_mappings() -> tuple[Mapping, ...]:
    """The mappings that come with Ilk, by name."""
    folder = resources.files("graph.formats") / "mappings"
    files = sorted(
        (entry for entry in folder.iterdir() if entry.name.endswith(".toml")), key=lambda e: e.name
    )
    return tuple(parse_mapping(f.read_text(encoding="utf-8"), f.name.removesuffix(".toml")) for f in files)


def matching_mapping(probes: Sequence[Probe], *, items_only: bool = False) -> Mapping | None:
    """The shipped mapping whose events some file has; the one that explains most columns wins.

    items_only: its items instead, told by the columns that it cannot do without, at least two.
    """
    scored = []
    for mapping in shipped_mappings():
        pairs = _pairs(mapping, probes)
        if items_only:
            pairs = [(table, p) for table, p in pairs if _tells_items(table)]
        if any(items_only or table.events is not None for table, _ in pairs):
            explained = sum(len(_columns(table) & set(_present(table, p))) for table, p in pairs)
            scored.append((explained, mapping))
    return max(scored, key=lambda pair: pair[0])[1] if scored else None


def read_mapped(mapping: Mapping, probes: Sequence[Probe]) -> TableShop:
    """A reader by a mapping. Raises `BadMapping` when a table has no file, naming the absent columns."""
    probes = [_as_written(mapping, p) for p in probes]
    pairs = _pairs(mapping, probes)
    for number, table in enumerate(mapping.tables, start=1):
        if not any(paired is table for paired, _ in pairs) and not _is_optional(table, mapping):
            raise BadMapping(_complaint(mapping, number, table, probes))
    order = sorted(pairs, key=lambda pair: pair[0].items is None)
    tables = [_table(mapping, table, p) for table, p in order]
    read = {p.name for _, p in pairs}
    notes = [
        f"{p.name}: not read (no table of the mapping has its columns)" for p in probes if p.name not in read
    ]
    return TableShop(f"table:{mapping.name}", tables, notes)


def read_catalogue(mapping: Mapping, probes: Sequence[Probe]) -> TableShop:
    """The items of a mapping whose events are elsewhere."""
    tables = tuple(table for table in mapping.tables if table.events is None)
    return read_mapped(replace(mapping, tables=tables), probes)


def _tells_items(table: TableMapping) -> bool:
    if table.items is None or table.events is not None:
        return False
    return sum(not field.optional and field.constant is None for field in table.items.named().values()) > 1


def _is_optional(table: TableMapping, mapping: Mapping) -> bool:
    """A table without a glob may be absent where another one gives events."""
    return not table.files and table.events is None and any(t.events is not None for t in mapping.tables)


def _as_written(mapping: Mapping, found: Probe) -> Probe:
    """The probe again under the dialect that the mapping names for the file."""
    for table in mapping.tables:
        dialect = table.dialect
        if (
            dialect is not None
            and found.kind in (Kind.DELIMITED, Kind.NUMBERS)
            and (table.names(found.name) or not table.files)
        ):
            if not dialect.delimiter:
                dialect = replace(dialect, delimiter=found.dialect.delimiter)
            return probe(found.path, found.name, dialect)
    return found


def _pairs(mapping: Mapping, probes: Sequence[Probe]) -> list[tuple[TableMapping, Probe]]:
    pairs = []
    for found in probes:
        for table in mapping.tables:
            if table.files and not (table.names(found.name) or len(probes) == 1):
                continue
            if not table.absent(_present(table, found)):
                pairs.append((table, found))
            elif table.names(found.name):
                raise BadMapping(_absent(mapping, table, found))
    return pairs


def _complaint(mapping: Mapping, number: int, table: TableMapping, probes: Sequence[Probe]) -> str:
    if table.files and not any(table.names(p.name) for p in probes) and len(probes) > 1:
        return f"mapping {mapping.name}: table {number}: no file named {' or '.join(table.files)}"
    nearest = min(probes, key=lambda p: len(table.absent(_present(table, p))))
    return _absent(mapping, table, nearest)


def _absent(mapping: Mapping, table: TableMapping, found: Probe) -> str:
    lacking = ", ".join(table.absent(_present(table, found)))
    has = ", ".join(_present(table, found))[:300]
    return f"mapping {mapping.name}: {found.name} has no column for {lacking}; it has {has}"


def _columns(table: TableMapping) -> frozenset[str]:
    parts = [part for part in (table.events, table.items, table.links) if part is not None]
    return frozenset(column for part in parts for column in part.columns())


def _present(table: TableMapping, found: Probe) -> tuple[str, ...]:
    """Columns of a file as the table sees them, i.e. after `explode`."""
    if table.explode is None or table.explode not in found.columns:
        return found.columns
    # the first rows need not have members, and files' nested columns are not looked into: taken on trust
    nested = sorted(column for column in _columns(table) if "." in column)
    return tuple(dict.fromkeys((*found.columns, *nested)))


def _table(mapping: Mapping, table: TableMapping, found: Probe) -> Table:
    present = _present(table, found)
    if found.kind is Kind.OBJECTS:  # the first objects need not have every key
        present = (*present, *_sparse(table, present))
    flatten: Flatten = one_row if table.explode is None else _exploder(table.explode)
    events: EventFields | None = None if table.events is None else table.events.resolved(present)
    items: ItemFields | None = None if table.items is None else table.items.resolved(present)
    links: LinkFields | None = None if table.links is None else table.links.resolved(present)
    if found.kind is Kind.NUMBERS:
        raise UnreadableInput(f"{found.name}: no header line with column names")
    return Table(found.source(columns=found.columns, flatten=flatten), events, items, links, mapping.missing)


def _sparse(table: TableMapping, present: tuple[str, ...]) -> list[str]:
    """Optional columns that later objects of a file may still bring."""
    parts = [part for part in (table.events, table.items, table.links) if part is not None]
    fields = [field for part in parts for field in part.named().values() if field.optional]
    return [field.columns[0] for field in fields if field.resolved(present) is None]


def _exploder(column: str) -> Flatten:
    def explode(record: Record) -> list[Record]:
        outer = _flat({name: value for name, value in record.items() if name != column})
        members = record.get(column)
        if isinstance(members, dict):  # Parquet as BigQuery writes it: {"list": [{"element": ...}]}
            members = [entry.get("element") for entry in members.get("list") or []]
        objects = (
            [member for member in members if isinstance(member, dict)] if isinstance(members, list) else []
        )
        return [{**outer, **_flat(member, f"{column}.")} for member in objects] or [outer]

    return explode


def _flat(record: Record, prefix: str = "") -> Record:
    """Objects within an object as `outer.inner` keys (one level: deeper ones stay values)."""
    row: dict[str, Any] = {}
    for name, value in record.items():
        if isinstance(value, dict):
            row.update({f"{prefix}{name}.{inner}": member for inner, member in value.items()})
        else:
            row[prefix + name] = value
    return row
