"""Amazon Reviews 2014, 2018 and 2023: reviews and product metadata, one object per line.

Sources: jmcauley.ucsd.edu/data/amazon (McAuley et al. 2015), nijianmo.github.io/amazon (Ni et al. 2019),
amazon-reviews-2023.github.io (Hou et al. 2024). Reviewers' names are never read.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from graph.errors import UnreadableInput
from graph.event_type import EventType
from graph.formats.fields import EventFields, Field, ItemFields, LinkFields
from graph.formats.json_lines import JsonLines, Record
from graph.formats.probe import Kind, Probe
from graph.formats.raw_batch import RawBatch, as_text
from graph.formats.table_shop import Table, TableShop
from graph.instant import TimeRules

LINK_TYPES = ("also_buy", "also_view", "also_bought", "also_viewed", "bought_together", "buy_after_viewing")
_LINK_BATCH_CHARS = 1024 * 1024  # one product stands for a hundred links
_META_KEYS = frozenset(
    {
        "title",
        "category",
        "categories",
        "related",
        "also_buy",
        "main_category",
        "imUrl",
        "salesRank",
        "brand",
        "price",
    }
)
_ATTRIBUTES = ("main_category", "average_rating", "rating_number", "details")


def recognises(probes: Sequence[Probe]) -> bool:
    """Whether some file holds Amazon's reviews or product metadata."""
    return any(_is_reviews(probe) or _is_metadata(probe) for probe in probes)


def read_amazon(probes: Sequence[Probe]) -> TableShop:
    """A reader of the files. Raises `UnreadableInput` when none holds reviews or metadata."""
    metadata = [probe for probe in probes if _is_metadata(probe)]
    reviews = [probe for probe in probes if _is_reviews(probe)]
    if not (metadata or reviews):
        raise UnreadableInput(
            "no file with Amazon's reviews (asin, reviewerID or user_id) or product metadata"
        )
    tables = []
    for probe in metadata:
        tables.append(Table(probe.source(flatten=_product), items=_ITEM_FIELDS))
        tables.append(Table(_Links(probe), links=_LINK_FIELDS))
    tables += [Table(probe.source(flatten=_review), events=_EVENT_FIELDS) for probe in reviews]
    unread = [probe.name for probe in probes if probe not in metadata and probe not in reviews]
    return TableShop(
        "amazon", tables, [f"{name}: not read (neither reviews nor metadata)" for name in unread]
    )


def _is_reviews(probe: Probe) -> bool:
    keys = set(probe.columns)
    old = {"reviewerID", "asin"} <= keys
    return probe.kind is Kind.OBJECTS and (old or {"user_id", "parent_asin", "timestamp"} <= keys)


def _is_metadata(probe: Probe) -> bool:
    keys = set(probe.columns)
    product = bool({"asin", "parent_asin"} & keys) and bool(_META_KEYS & keys)
    return probe.kind is Kind.OBJECTS and product and not {"reviewerID", "user_id"} & keys


_EVENT_FIELDS = EventFields(
    item_id=Field(("item_id",)),
    user_id=Field(("user_id",)),
    timestamp=Field(("timestamp",)),
    rating=Field(("rating",)),
    review_text=Field(("review_text",)),
    helpful=Field(("helpful",)),
    times=TimeRules(formats=("%m %d, %Y",)),
    default_type=EventType.REVIEW.value,
)
_ITEM_FIELDS = ItemFields(
    item_id=Field(("item_id",)),
    title=Field(("title",)),
    description=Field(("description",)),
    brand=Field(("brand",)),
    category=Field(("category",)),
    price=Field(("price",)),
    image_url=Field(("image_url",)),
    attributes=_ATTRIBUTES,
)
_LINK_FIELDS = LinkFields(Field(("item_id",)), Field(("linked_item_id",)), Field(("link_type",)))


@dataclass(frozen=True)
class _Links:
    """The links of a metadata file as rows; a product that comes again brings none. A `RowSource`."""

    probe: Probe
    columns: Sequence[str] = ("item_id", "linked_item_id", "link_type")

    @property
    def name(self) -> str:
        return self.probe.name

    def batches(self, wanted: frozenset[str] | None = None) -> Iterator[RawBatch]:
        seen: set[object] = set()

        def new_links(record: Record) -> list[Record]:
            links = _links(record)
            item_id = as_text(_item_id(record))
            if not links or item_id in seen:
                return []
            seen.add(item_id)
            return links

        file = JsonLines(
            self.probe.path,
            self.probe.name,
            flatten=new_links,
            literals=self.probe.literals,
            batch_chars=_LINK_BATCH_CHARS,
        )
        yield from file.batches(wanted)


def _review(record: Record) -> list[Record]:
    """One review of any year under Ilk's names."""
    new = "user_id" in record
    summary = record.get("title" if new else "summary")
    text = record.get("text" if new else "reviewText")
    when = record.get("timestamp" if new else "unixReviewTime")
    votes = record.get("helpful_vote" if new else "vote", record.get("helpful"))
    return [
        {
            "item_id": _item_id(record),
            "user_id": record.get("user_id" if new else "reviewerID"),
            "timestamp": when if when not in (None, "") else record.get("reviewTime"),
            "rating": record.get("rating" if new else "overall"),
            "review_text": " ".join(part for part in (summary, text) if isinstance(part, str) and part),
            # 2014 has [helpful, of all]
            "helpful": votes[0] if isinstance(votes, list) and votes else votes,
        }
    ]


def _product(record: Record) -> list[Record]:
    """One product of any year under Ilk's names."""
    described = [
        *_strings(record.get("description")),
        *_strings(record.get("features") or record.get("feature")),
    ]
    brand = record.get("brand") or record.get("store")
    row: Record = {
        "item_id": _item_id(record),
        "title": record.get("title"),
        "description": " ".join(described),
        "brand": " ".join(brand.split()).removeprefix("by ") if isinstance(brand, str) else None,
        "category": record.get("categories") or record.get("category") or record.get("main_category"),
        "price": _price(record.get("price")),
        "image_url": _image(record),
        "main_category": record.get("main_category") or record.get("main_cat"),
    }
    row.update({name: record.get(name) for name in _ATTRIBUTES[1:]})
    return [row]


def _links(record: Record) -> list[Record]:
    """Every link of a product."""
    item_id = _item_id(record)
    related = record.get("related")
    lists: Record = {**record, **related} if isinstance(related, dict) else record
    return [
        {"item_id": item_id, "linked_item_id": linked, "link_type": kind}
        for kind in LINK_TYPES
        for linked in _strings(lists.get(kind))
    ]


def _item_id(record: Record) -> Any:
    return record.get("parent_asin") or record.get("asin")


def _strings(value: object) -> list[str]:
    """The non-empty texts of a value that is a text or a list of texts."""
    members = value if isinstance(value, list) else [value]
    return [member for member in members if isinstance(member, str) and member]


def _price(price: object) -> object:
    return None if price in ("None", "—", "") else price


def _image(record: Record) -> str | None:
    """Address of the first and largest picture."""
    for key in ("imageURLHighRes", "imageURL", "image", "imUrl", "images"):
        value = record.get(key)
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, dict):
            first = first.get("hi_res") or first.get("large") or first.get("thumb")
        if isinstance(first, str) and first:
            return first
    return None
