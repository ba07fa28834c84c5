"""Which column of a file holds which field of the domain."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Self

import polars as pl

from graph.formats.raw_batch import RawBatch
from graph.instant import TimeRules


@dataclass(frozen=True)
class Field:
    """Where one field's value comes from: a column, several joined, or a constant."""

    columns: tuple[str, ...] = ()
    """Column names. Of `joined` fields all are read; of others the first that the file has."""
    joined: bool = False
    join: str = " "
    """What stands between joined values."""
    constant: str | None = None
    """The value of every row, where no column is named."""
    values: Mapping[str, str] | None = None
    """File's value -> Ilk's value; a value that is not listed stays as it is."""
    optional: bool = False
    """The file may lack the column."""

    def __post_init__(self) -> None:
        if bool(self.columns) == (self.constant is not None):
            raise ValueError("a field needs either a column or a constant")

    def resolved(self, present: Iterable[str]) -> "Field | None":
        """The field with only the columns that a file has; None where it has none, or lacks a joined one
        without being optional."""
        if self.constant is not None:
            return self
        known = set(present)
        found = tuple(column for column in self.columns if column in known)
        if self.joined and (found == self.columns or (found and self.optional)):
            return replace(self, columns=found)
        if self.joined:
            return None
        return replace(self, columns=found[:1]) if found else None

    def read(self, raw: RawBatch, missing: frozenset[str] = frozenset()) -> pl.Series:
        """The field's values; null where the file says nothing. Numbers and times keep their type."""
        if self.constant is not None:
            return pl.Series([self.constant], dtype=pl.String).new_from_index(0, len(raw))
        series = [self._column(raw, column, missing) for column in self.columns]
        value = series[0]
        if len(series) > 1:
            texts = {str(n): s.cast(pl.String) for n, s in enumerate(series)}
            joined = pl.concat_str(list(texts), separator=self.join, ignore_nulls=True)
            value = pl.DataFrame(texts).select(joined.alias("joined"))["joined"]
            value = value.set((value == "").fill_null(value=False), None)
        if self.values is not None:
            value = value.cast(pl.String).str.strip_chars().replace(dict(self.values))
        return value

    def _column(self, raw: RawBatch, column: str, missing: frozenset[str]) -> pl.Series:
        series = raw.columns.get(column)
        if series is None:  # objects without this key in the whole batch
            return pl.Series(column, [None], dtype=pl.String).new_from_index(0, len(raw))
        if missing and series.dtype == pl.String:
            series = series.set(series.is_in(list(missing)).fill_null(value=False), None)
        return series

    def not_utf8(self, raw: RawBatch) -> pl.Series | None:
        """Mask of rows whose value was not UTF-8; None where all were."""
        marks = [raw.not_utf8[column] for column in self.columns if column in raw.not_utf8]
        if not marks:
            return None
        mask = marks[0]
        for more in marks[1:]:
            mask = mask | more
        return mask


@dataclass(frozen=True)
class _Fields:
    """Common to the three kinds of rows: every attribute that is a `Field` names one field."""

    def named(self) -> dict[str, Field]:
        """Field name -> field, of those that are given."""
        present = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: value for name, value in present.items() if isinstance(value, Field)}

    def columns(self) -> frozenset[str]:
        """All the columns that are read."""
        return frozenset(column for value in self.named().values() for column in value.columns)

    def absent(self, present: Sequence[str]) -> list[str]:
        """Columns that the file would need and lacks, as `field: column`."""
        lacking = []
        for name, value in self.named().items():
            if not value.optional and value.resolved(present) is None:
                lacking.append(f"{name}: {' or '.join(value.columns)}")
        return lacking

    def resolved(self, present: Sequence[str]) -> Self:
        """The same with the columns that the file has; optional fields that it lacks are dropped."""
        found = {name: value.resolved(present) for name, value in self.named().items()}
        return replace(self, **found)


@dataclass(frozen=True)
class EventFields(_Fields):
    """Columns of a file of events."""

    item_id: Field
    timestamp: Field
    user_id: Field | None = None
    session_id: Field | None = None
    event_id: Field | None = None
    event_type: Field | None = None
    rating: Field | None = None
    review_text: Field | None = None
    helpful: Field | None = None
    """How many people found the review helpful."""
    quantity: Field | None = None
    value: Field | None = None
    unit_price: Field | None = None
    """Money per piece: the event's value is quantity x unit price where no value is given."""
    times: TimeRules = field(default_factory=TimeRules)
    default_type: str = "view_item"
    """Event type of rows that give none."""
    refund_mark: Field | None = None
    """Column whose values tell refunds, e.g. invoice numbers."""
    refund_prefix: str = ""
    """What `refund_mark` starts with in a refund, e.g. `C`."""


@dataclass(frozen=True)
class ItemFields(_Fields):
    """Columns of a file of items."""

    item_id: Field
    title: Field | None = None
    description: Field | None = None
    brand: Field | None = None
    category: Field | None = None
    price: Field | None = None
    currency: Field | None = None
    availability: Field | None = None
    image_url: Field | None = None
    attributes: tuple[str, ...] | None = ()
    """Columns that become attributes under their own names; None: every column not named elsewhere."""
    category_split: str | None = None
    """Character between several categories in one text, e.g. `|`."""
    only_if_positive: Field | None = None
    """Rows whose number in this column is not above 0 tell nothing of the item (stock adjustments)."""

    def columns(self) -> frozenset[str]:
        return super().columns() | frozenset(self.attributes or ())


@dataclass(frozen=True)
class LinkFields(_Fields):
    """Columns of a file of item-item links."""

    item_id: Field
    linked_item_id: Field
    link_type: Field
