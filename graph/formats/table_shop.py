"""A shop whose files are tables of which the columns are known: what recognised formats come down to."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import polars as pl

from graph.cleaning import CleaningRules
from graph.formats.event_rows import event_batch
from graph.formats.fields import EventFields, ItemFields, LinkFields
from graph.formats.item_merge import ItemMerge
from graph.formats.item_rows import item_rows, telling_rows
from graph.formats.link_rows import link_batch
from graph.formats.raw_batch import RowSource
from graph.formats.shop_reader import Batch
from graph.frames import EVENT_SCHEMA, ITEM_SCHEMA


@dataclass(frozen=True)
class Table:
    """One file and what its columns mean; the fields are resolved for the file."""

    source: RowSource
    events: EventFields | None = None
    items: ItemFields | None = None
    links: LinkFields | None = None
    missing: frozenset[str] = frozenset()
    """Spellings of "no value" beside the empty one."""


@dataclass(frozen=True)
class TableShop:
    """A `ShopReader` over tables."""

    format: str
    tables: Sequence[Table]
    notes: Sequence[str] = ()
    rules: CleaningRules = field(default_factory=CleaningRules)
    now: int | None = None
    """Microseconds UTC against which "more than a day ahead" is judged (None: the clock)."""

    def items(self) -> Iterator[Batch]:
        """See `ShopReader`."""
        merge = ItemMerge()
        try:
            for table in self.tables:
                if table.items is not None:
                    yield from self._items(table, table.items, merge)
            yield from merge.batches()
        finally:
            merge.close()

    def events(self) -> Iterator[Batch]:
        """See `ShopReader`."""
        for table in self.tables:
            if table.events is None:
                continue
            name = table.source.name
            raw = None
            for raw in table.source.batches(table.events.columns()):
                yield event_batch(name, raw, table.events, self.rules, table.missing, self.now)
            if raw is None:
                yield Batch(name, pl.DataFrame(schema=EVENT_SCHEMA), 0)

    def links(self) -> Iterator[Batch]:
        """See `ShopReader`."""
        for table in self.tables:
            if table.links is not None:
                for raw in table.source.batches(table.links.columns()):
                    yield link_batch(table.source.name, raw, table.links, table.missing)

    def _items(self, table: Table, fields: ItemFields, merge: ItemMerge) -> Iterator[Batch]:
        """Put a table's rows into the merge; what is no item comes out at once, as does a hollow table."""
        name = table.source.name
        hollow = True
        wanted = None if fields.attributes is None else fields.columns()
        for raw in table.source.batches(wanted):
            telling = telling_rows(raw, fields, of_events=table.events is not None)
            problems = list(telling.problems)
            lost = telling.unread
            hollow = hollow and not (len(telling) or problems)
            if len(telling):
                rows, verdicts = item_rows(telling, fields, self.rules, table.missing)
                merge.add(name, rows)
                rejections = verdicts.rejections(name)
                problems += rejections
                lost += len(rejections)
            if problems:
                yield Batch(name, pl.DataFrame(schema=ITEM_SCHEMA), lost, problems)
        if hollow:
            yield Batch(name, pl.DataFrame(schema=ITEM_SCHEMA), 0)
