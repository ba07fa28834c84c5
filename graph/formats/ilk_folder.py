"""Ilk's own folder: `items.*`, `events.*` (or any tables with its columns), `links.*`."""

import re
from collections.abc import Sequence
from dataclasses import replace

from graph.errors import UnreadableInput
from graph.formats.fields import EventFields, Field, ItemFields, LinkFields
from graph.formats.json_lines import Flatten, Record
from graph.formats.probe import Kind, Probe
from graph.formats.table_shop import Table, TableShop
from graph.formats.time_guess import guess_times
from graph.instant import TimeRules

_EVENT_COLUMNS = (
    "event_type",
    "event_id",
    "rating",
    "review_text",
    "helpful",
    "quantity",
    "value",
)
_ITEM_COLUMNS = (
    "title",
    "description",
    "brand",
    "category",
    "price",
    "currency",
    "availability",
    "image_url",
)
_NAMES = {"user_id", "session_id", "item_id", "timestamp", "linked_item_id", "link_type", "categories"} | {
    *_EVENT_COLUMNS,
    *_ITEM_COLUMNS,
}
_TABULAR = (Kind.DELIMITED, Kind.OBJECTS, Kind.PARQUET)


def recognises(probes: Sequence[Probe]) -> bool:
    """Whether some file has the columns of events, under Ilk's very names."""
    return any(_has_events(probe) for probe in probes)


def recognises_spelled(probes: Sequence[Probe]) -> bool:
    """Whether some file has them under names that differ in spelling only, as other shops' formats may."""
    return any(_has_events(_spelled(probe)) for probe in probes)


def recognises_items(probes: Sequence[Probe]) -> bool:
    """Whether there are items without events: a file `items` with `item_id`."""
    return any(probe.stem == "items" and _has_items(_spelled(probe)) for probe in probes)


def read_ilk(probes: Sequence[Probe], timezone: str = "UTC") -> TableShop:
    """A reader of the folder. Raises `UnreadableInput` naming the columns that a file lacks."""
    probes = [_spelled(probe) for probe in probes if probe.kind in _TABULAR]
    for probe in probes:
        _check(probe)
    named = [p for p in probes if p.stem == "events"]
    event_files = named or [p for p in probes if _has_events(p) and p.stem not in ("items", "links")]
    item_files = [p for p in probes if p.stem == "items"] or [
        p for p in probes if p not in event_files and p.stem != "links" and _has_items(p)
    ]
    link_files = [p for p in probes if p.stem == "links"]
    if not (event_files or item_files):
        raise UnreadableInput(
            "no items.* or events.* with Ilk's columns (item_id; user_id, item_id, timestamp)"
        )
    tables = [Table(p.source(), items=_item_fields(p)) for p in item_files]
    times = [guess_times(p.source(), "timestamp", TimeRules(timezone=timezone)) for p in event_files]
    tables += [
        Table(p.source(), events=_event_fields(p, guess.rules))
        for p, guess in zip(event_files, times, strict=True)
    ]
    tables += [Table(p.source(), links=_link_fields(p)) for p in link_files]
    notes = [*_notes(probes, item_files, event_files, link_files), *(g.note for g in times if g.note)]
    return TableShop("ilk", tables, notes)


def _plain(name: str) -> str:
    """A column's name as Ilk would write it (`User ID`, `user-id`, `UserId`)."""
    name = re.sub(r"[\s-]", "_", name.strip())
    return name.lower() if name.lower() in _NAMES else re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def _spelled(probe: Probe) -> Probe:
    """A file's columns under Ilk's names where only the spelling differs."""
    plain = [_plain(name) for name in probe.columns]
    fits = [new in _NAMES and new not in probe.columns and plain.count(new) == 1 for new in plain]
    if not any(fits):
        return probe
    names = [new if fit else old for new, old, fit in zip(plain, probe.columns, fits, strict=True)]
    if probe.kind is Kind.OBJECTS:
        return replace(
            probe, columns=tuple(names), flatten=_renaming(dict(zip(probe.columns, names, strict=True)))
        )
    return replace(probe, columns=tuple(names))


def _renaming(names: dict[str, str]) -> Flatten:
    """Objects with keys under Ilk's names. names: of the keys known so far; later ones are named likewise."""
    taken = set(names.values())

    def name_of(key: str) -> str:
        if key not in names:
            new = _plain(key)
            names[key] = new if new in _NAMES and new not in taken else key
            taken.add(names[key])
        return names[key]

    def renamed(record: Record) -> list[Record]:
        named = ((key, name_of(key), value) for key, value in record.items())
        return [{key if new in record else new: value for key, new, value in named}]

    return renamed


def _has_events(probe: Probe) -> bool:
    present = set(probe.columns)
    return {"item_id", "timestamp"} <= present and bool({"user_id", "session_id"} & present)


def _has_items(probe: Probe) -> bool:
    present = set(probe.columns)
    return "item_id" in present and not {"user_id", "session_id", "linked_item_id"} & present


def _check(probe: Probe) -> None:
    needed = {
        "items": ("item_id",),
        "events": ("item_id", "timestamp"),
        "links": ("item_id", "linked_item_id", "link_type"),
    }.get(probe.stem, ())
    lacking = [column for column in needed if column not in probe.columns]
    if probe.stem == "events" and not {"user_id", "session_id"} & set(probe.columns):
        lacking.append("user_id (or session_id)")
    if lacking:
        raise UnreadableInput(
            f"{probe.name}: no column {', '.join(lacking)} (it has {', '.join(probe.columns)[:300]}); "
            "rename the columns or write a mapping"
        )


def _event_fields(probe: Probe, times: TimeRules) -> EventFields:
    def given(column: str) -> Field | None:
        return Field((column,)) if column in probe.columns or probe.kind is Kind.OBJECTS else None

    return EventFields(
        item_id=Field(("item_id",)),
        timestamp=Field(("timestamp",)),
        user_id=given("user_id"),
        session_id=given("session_id"),
        times=times,
        **{column: given(column) for column in _EVENT_COLUMNS},  # type: ignore[arg-type]
    )


def _item_fields(probe: Probe) -> ItemFields:
    named = {
        column: Field((column,))
        for column in _ITEM_COLUMNS
        if column in probe.columns or probe.kind is Kind.OBJECTS
    }
    if "category" not in probe.columns and "categories" in probe.columns:
        named["category"] = Field(("categories",))
    return ItemFields(item_id=Field(("item_id",)), attributes=None, **named)  # type: ignore[arg-type]


def _link_fields(probe: Probe) -> LinkFields:
    return LinkFields(Field(("item_id",)), Field(("linked_item_id",)), Field(("link_type",)))


def _notes(probes: Sequence[Probe], items: list[Probe], events: list[Probe], links: list[Probe]) -> list[str]:
    notes = []
    known = {"user_id", "session_id", "item_id", "timestamp", *_EVENT_COLUMNS}
    for probe in events:
        unknown = [column for column in probe.columns if column not in known]
        if unknown:
            notes.append(f"{probe.name}: columns not read: {', '.join(unknown)}")
    for probe in probes:
        if probe not in items and probe not in events and probe not in links:
            notes.append(f"{probe.name}: not read (neither items nor events)")
    return notes
