"""RecBole's atomic files: tab-separated, columns named `name:type`."""

import re
from collections.abc import Sequence

from graph.errors import UnreadableInput
from graph.formats.fields import EventFields, Field, ItemFields
from graph.formats.ordered_rows import TIME_COLUMN, OrderedRows
from graph.formats.probe import Kind, Probe
from graph.formats.raw_batch import RowSource
from graph.formats.table_shop import Table, TableShop

_HEADER = re.compile(r"^(.+):(token|token_seq|float|float_seq)$")
_USER = ("user_id", "session_id", "userID", "user", "visitor_id", "visitorid", "reviewerID")
_ITEM = (
    "item_id",
    "itemID",
    "item",
    "itemid",
    "product_id",
    "movie_id",
    "asin",
    "parent_asin",
    "book_id",
    "artist_id",
    "business_id",
    "anime_id",
    "game_id",
    "track_id",
    "music_id",
    "news_id",
    "venue_id",
)
_TIME = ("timestamp", "time", "unixReviewTime", "date")
_TITLE = (
    "title",
    "movie_title",
    "item_title",
    "name",
    "item_name",
    "product_name",
    "book_title",
    "track_name",
)
_CATEGORY = ("categories", "category", "class", "genre", "genres", "cate", "main_category")
_BRAND = ("brand", "sales_type_brand", "store", "manufacturer")
_FIELDS = {
    "rating": ("rating", "stars", "overall"),
    "review_text": ("review_text", "review", "text", "reviewText"),
    "helpful": ("helpful", "helpful_vote", "helpful_votes", "vote", "useful"),
    "event_type": ("event_type",),
    "quantity": ("quantity",),
}


def recognises(probes: Sequence[Probe]) -> bool:
    """Whether some file has a header of `name:type` columns."""
    return any(_types(probe) for probe in probes)


def read_recbole(probes: Sequence[Probe]) -> TableShop:
    """A reader of the files; interactions without a time are dated by their order (`OrderedRows`).

    Raises `UnreadableInput` when none holds interactions or items.
    """
    atomic = [probe for probe in probes if _types(probe)]
    inter = [probe for probe in atomic if _is_interactions(probe)]
    items = [p for p in atomic if p not in inter and _is_items(p)]
    if not (inter or items):
        has = "; ".join(f"{p.name} has {', '.join(p.columns)}" for p in atomic or probes)
        raise UnreadableInput(
            f"no RecBole file with user and item columns (*.inter) or items (*.item): {has:.300}"
        )
    tables = [Table(_source(p), items=_item_fields(p)) for p in items]
    tables += [_events(p) for p in inter]
    unread = [p.name for p in probes if p not in inter and p not in items]
    notes = [f"{name}: not read (neither items nor interactions)" for name in unread]
    timeless = [p.name for p in inter if not _first(_names(p), _TIME)]
    notes += [f"{name}: the file tells no time: events are dated by their order" for name in timeless]
    return TableShop("recbole", tables, notes)


def _types(probe: Probe) -> dict[str, str]:
    """Column -> type; {} when the file is not atomic."""
    if probe.kind is not Kind.DELIMITED:
        return {}
    matches = [_HEADER.match(column) for column in probe.columns]
    return {m[1]: m[2] for m in matches if m} if all(matches) else {}


def _names(probe: Probe) -> tuple[str, ...]:
    return tuple(_types(probe))


def _source(probe: Probe) -> RowSource:
    return probe.source(columns=_names(probe))


def _first(names: Sequence[str], wanted: Sequence[str]) -> str | None:
    return next((name for name in wanted if name in names), None)


def _is_interactions(probe: Probe) -> bool:
    names = _names(probe)
    return bool(_first(names, _USER) and _first(names, _ITEM))


def _is_items(probe: Probe) -> bool:
    """A file of one row an item; knowledge graphs (`*.link`) only tie ids to ids."""
    names = _names(probe)
    return bool(_first(names, _ITEM)) and not _first(names, _USER) and "entity_id" not in names


def _events(probe: Probe) -> Table:
    names = _names(probe)
    if _first(names, _TIME):
        return Table(_source(probe), events=_event_fields(names))
    return Table(OrderedRows(_source(probe)), events=_event_fields((*names, TIME_COLUMN)))


def _field(names: Sequence[str], wanted: Sequence[str]) -> Field | None:
    name = _first(names, wanted)
    return None if name is None else Field((name,))


def _event_fields(names: Sequence[str]) -> EventFields:
    item, moment = _field(names, _ITEM), _field(names, _TIME)
    assert item is not None
    assert moment is not None
    rated = "review" if _first(names, _FIELDS["rating"]) else "view_item"
    others = {name: _field(names, wanted) for name, wanted in _FIELDS.items()}
    return EventFields(item, moment, user_id=_field(names, _USER), default_type=rated, **others)  # type: ignore[arg-type]


def _item_fields(probe: Probe) -> ItemFields:
    types = _types(probe)
    names = tuple(types)
    item = _field(names, _ITEM)
    assert item is not None
    category = _first(names, _CATEGORY)
    title = _field(names, _TITLE)
    if title is None:
        texts = tuple(n for n, kind in types.items() if kind == "token_seq" and n != category)
        title = Field(texts, joined=True) if texts else None
    brand, price = _field(names, _BRAND), _field(names, ("price",))
    used = {c for f in (item, title, brand, price) if f is not None for c in f.columns} | {category}
    return ItemFields(
        item_id=item,
        title=title,
        brand=brand,
        price=price,
        category=None if category is None else Field((category,)),
        category_split=_split(types.get(category or "", "")),
        attributes=tuple(name for name in names if name not in used),
    )


def _split(kind: str) -> str | None:
    """RecBole separates the members of a sequence by a space."""
    return " " if kind == "token_seq" else None
