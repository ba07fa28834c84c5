"""Raw rows -> clean items of `ITEM_SCHEMA`, one row per id and file."""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from graph.clean_category import category_paths
from graph.clean_price import price_columns
from graph.clean_text import clean_texts
from graph.cleaning import CleaningRules
from graph.formats.fields import Field, ItemFields
from graph.formats.problem import Reason
from graph.formats.raw_batch import RawBatch, as_text, mended
from graph.formats.verdicts import Verdicts, id_texts
from graph.frames import ITEM_SCHEMA

REASONS = tuple(Reason)
"""A row's repairs are one integer: bit n stands for `REASONS[n]`."""

_TEXTS = ("title", "description", "brand", "currency", "availability", "image_url")


def item_rows(
    raw: RawBatch, fields: ItemFields, rules: CleaningRules, missing: frozenset[str] = frozenset()
) -> tuple[pl.DataFrame, Verdicts]:
    """Clean the rows of a batch.

    Returns the kept rows: the columns of `ITEM_SCHEMA` (null where nothing is said), `line` (Int64) and
    `repairs` (Int64, see `REASONS`); and the verdicts with the rejections.
    """
    verdicts = Verdicts(raw)
    columns = {"item_id": verdicts.identifier(fields.item_id, missing)}
    for name in _TEXTS:
        field: Field | None = getattr(fields, name)
        columns[name] = _nothing(raw) if field is None else _text(name, field, raw, rules, missing, verdicts)
    columns |= _prices(fields.price, columns["currency"], raw, missing, verdicts)
    columns["categories"] = _categories(fields, raw, missing, verdicts)
    columns["attributes"] = _attributes(fields, raw, verdicts)
    bits = np.zeros(len(raw), dtype=np.int64)
    for reason, mask in verdicts.repaired().items():
        bits |= mask.astype(np.int64) << REASONS.index(Reason(reason))
    frame = pl.DataFrame({name: columns[name].cast(kind) for name, kind in ITEM_SCHEMA.items()})
    frame = frame.with_columns(line=pl.Series(raw.lines), repairs=pl.Series(bits))
    return frame.filter(pl.Series(verdicts.kept)), verdicts


def telling_rows(raw: RawBatch, fields: ItemFields, *, of_events: bool) -> RawBatch:
    """Only the rows that say something of an item (`ItemFields.only_if_positive`).

    of_events: the rows are events too, and one without an item is no item's row.
    """
    keep = pl.Series([True]).new_from_index(0, len(raw))
    if fields.only_if_positive is not None:
        numbers = fields.only_if_positive.read(raw).cast(pl.Float64, strict=False)
        keep &= (numbers > 0).fill_null(value=False)
    if of_events:
        keep &= ~id_texts(fields.item_id.read(raw)).is_null()
    if not len(raw) or keep.all():
        return raw
    where = keep.to_numpy()
    records = None
    if raw.records is not None:
        records = [record for record, kept in zip(raw.records, where, strict=True) if kept]
    return RawBatch(
        raw.lines[where],
        {name: values.filter(keep) for name, values in raw.columns.items()},
        {name: marks.filter(keep) for name, marks in raw.not_utf8.items()},
        raw.problems,
        raw.unread,
        records,
    )


def _text(
    name: str, field: Field, raw: RawBatch, rules: CleaningRules, missing: frozenset[str], verdicts: Verdicts
) -> pl.Series:
    given = field.read(raw, missing)
    texts = given.cast(pl.String) if given.dtype == pl.String else id_texts(given)
    texts = _joined_lists(texts)
    title, short = name == "title", name != "description"
    texts, touched = clean_texts(texts, rules, title=title, short=short)
    for reason, mask in touched.items():
        verdicts.repair(mask, reason)
    undecoded = field.not_utf8(raw)
    if undecoded is not None:
        verdicts.repair(undecoded, Reason.TEXT_NOT_UTF8)
    return texts


def _joined_lists(texts: pl.Series) -> pl.Series:
    """Texts that are JSON lists (paragraphs, bullet points, image addresses) or objects with a name (a brand
    as schema.org has it) as one text."""
    lists = (texts.str.starts_with("[") & texts.str.ends_with("]")) | (
        texts.str.starts_with("{") & texts.str.ends_with("}")
    )
    lists = lists.fill_null(value=False)
    if not lists.any():
        return texts
    return texts.clone().scatter(
        lists.arg_true(), pl.Series([_joined(text) for text in texts.filter(lists)], dtype=pl.String)
    )


def _joined(text: str) -> str:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return text
    parts = list(_parts(value))
    return " ".join(parts) if parts or not _written(value) else text


def _written(value: Any, depth: int = 8) -> bool:
    """Whether a JSON value without texts may be what somebody wrote as text: a title `[1984]`, objects in
    braces. Lists of nothing, and of objects that have no name, are data without a word."""
    if isinstance(value, list):
        return not depth or any(
            _written(member, depth - 1) for member in value if not isinstance(member, dict)
        )
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number or (isinstance(value, dict) and bool(value))


def _parts(value: Any, depth: int = 8) -> Iterator[str]:
    """Texts in a JSON value, in their order: of lists all, of objects the name; not below `depth` levels."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth:
        for member in value:
            yield from _parts(member, depth - 1)
    elif isinstance(value, dict) and depth:
        yield from _parts(value.get("name"), depth - 1)


def _prices(
    field: Field | None, currency: pl.Series, raw: RawBatch, missing: frozenset[str], verdicts: Verdicts
) -> dict[str, pl.Series]:
    if field is None:
        return {"price": _nothing(raw).cast(pl.Float64), "currency": currency}
    price, found, bad = price_columns(field.read(raw, missing))
    verdicts.repair(bad, Reason.BAD_PRICE)
    return {"price": price, "currency": pl.select(pl.coalesce(currency, found)).to_series()}


def _categories(fields: ItemFields, raw: RawBatch, missing: frozenset[str], verdicts: Verdicts) -> pl.Series:
    if fields.category is None:
        return pl.Series([[]], dtype=pl.List(pl.String)).new_from_index(0, len(raw))
    given = fields.category.read(raw, missing).cast(pl.String)
    verdicts.repair(given.str.contains(r"&(?:#\w+|[A-Za-z]+);"), Reason.HTML_ENTITIES)
    paths, cut = category_paths(given, fields.category_split)
    verdicts.repair(cut, Reason.CATEGORY_CUT)
    return paths


def _attributes(fields: ItemFields, raw: RawBatch, verdicts: Verdicts) -> pl.Series:
    """A JSON object per row: keys sorted, empty values left out."""
    used = fields.columns() - set(fields.attributes or ())
    names = fields.attributes if fields.attributes is not None else _others(raw, used)
    marks = [raw.not_utf8[name] for name in names if name in raw.not_utf8]
    for mark in marks:
        verdicts.repair(mark, Reason.TEXT_NOT_UTF8)
    if not names:
        return pl.Series(["{}"]).new_from_index(0, len(raw))
    if raw.records is not None:
        return pl.Series([_object(record, names) for record in raw.records], dtype=pl.String)
    present = sorted(name for name in names if name in raw.columns)
    rows: Iterator[tuple[Any, ...]] = zip(*(raw.columns[name].to_list() for name in present), strict=True)
    made = [_object(dict(zip(present, row, strict=True)), present) for row in rows]
    return pl.Series(made or ["{}"] * len(raw), dtype=pl.String)


def _others(raw: RawBatch, used: frozenset[str]) -> tuple[str, ...]:
    return tuple(sorted(name for name in raw.columns if name not in used))


def _object(values: dict[str, Any], names: tuple[str, ...] | list[str]) -> str:
    kept = {name: values[name] for name in sorted(names) if values.get(name) not in (None, "", [], {})}
    if "attributes" in kept:
        kept = _with_inner(kept)
    if not kept:
        return "{}"
    try:
        return json.dumps(kept, ensure_ascii=False, default=as_text, allow_nan=False).encode().decode()
    except (ValueError, RecursionError):
        plain = {name: mended(as_text(value)) for name, value in kept.items()}
        return json.dumps(plain, ensure_ascii=False)


def _with_inner(values: dict[str, Any]) -> dict[str, Any]:
    """A column `attributes` that holds an object: its members instead; columns of their own win."""
    inner = values["attributes"]
    if isinstance(inner, str):
        try:
            inner = json.loads(inner)
        except (ValueError, RecursionError):
            return values
    if not isinstance(inner, dict):
        return values
    own = {name: value for name, value in values.items() if name != "attributes"}
    return dict(sorted((inner | own).items()))


def _nothing(raw: RawBatch) -> pl.Series:
    return pl.Series([None], dtype=pl.String).new_from_index(0, len(raw))
