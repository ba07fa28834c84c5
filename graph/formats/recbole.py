"""RecBole's atomic files: tab-separated, columns named `name:type`."""

import re
from collections.abc import Sequence

from graph.errors import UnreadableInput
from graph.formats.fields import EventFields, Field, ItemFields
from graph.formats.probe import Kind, Probe
from graph.formats.raw_batch import RowSource
from graph.formats.table_shop import Table, TableShop

_HEADER = re.compile(r"^(.+):(token|token_seq|float|float_seq)$")
_USER = ("user_id", "session_id", "userID", "user")
_ITEM = ("item_id", "itemID", "item", "product_id", "movie_id", "asin", "parent_asin")
_TIME = ("timestamp", "time", "unixReviewTime")
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
    "event_type": ("event_type",),
    "quantity": ("quantity",),
}


def recognises(probes: Sequence[Probe]) -> bool:
    """Whether some file has a header of `name:type` columns with a user and an item."""
    return any(_is_interactions(probe) for probe in probes)


def read_recbole(probes: Sequence[Probe]) -> TableShop:
    """A reader of the files. Raises `UnreadableInput` when none holds interactions with a time."""
    atomic = [probe for probe in probes if _types(probe)]
    inter = [probe for probe in atomic if _is_interactions(probe)]
    if not inter:
        raise UnreadableInput("no RecBole file with user, item and timestamp columns (*.inter)")
    items = [
        p for p in atomic if p not in inter and _first(_names(p), _ITEM) and not _first(_names(p), _USER)
    ]
    tables = [Table(_source(p), items=_item_fields(p)) for p in items]
    tables += [Table(_source(p), events=_event_fields(p)) for p in inter]
    unread = [p.name for p in probes if p not in inter and p not in items]
    return TableShop(
        "recbole", tables, [f"{name}: not read (neither items nor interactions)" for name in unread]
    )


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
    return bool(_first(names, _USER) and _first(names, _ITEM) and _first(names, _TIME))


def _field(names: Sequence[str], wanted: Sequence[str]) -> Field | None:
    name = _first(names, wanted)
    return None if name is None else Field((name,))


def _event_fields(probe: Probe) -> EventFields:
    names = _names(probe)
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
