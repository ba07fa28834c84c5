"""Raw rows -> clean events of `EVENT_SCHEMA`."""

import polars as pl

from graph.clean_text import clean_texts
from graph.cleaning import CleaningRules
from graph.event_id import event_ids
from graph.event_type import EventType
from graph.formats.fields import EventFields, Field
from graph.formats.problem import Reason
from graph.formats.raw_batch import RawBatch
from graph.formats.shop_reader import Batch
from graph.formats.verdicts import Verdicts, repairs
from graph.frames import EVENT_SCHEMA
from graph.instant import parse_times

_GROUPED_COUNT = r"^\d{1,3}(?:(?:[,' ]\d{3})+|(?:\.\d{3}){2,})$"
"""One point alone groups nothing: `3.000` may be three."""
_MAX_COUNT = 2**53
"""Beyond it floats skip whole numbers."""
_TYPES = [kind.value for kind in EventType]


def event_batch(
    file: str,
    raw: RawBatch,
    fields: EventFields,
    rules: CleaningRules,
    missing: frozenset[str] = frozenset(),
    now: int | None = None,
) -> Batch:
    """Apply the rules of the domain to a batch of rows.

    fields: resolved for this file. now: microseconds UTC against which times are judged (default: clock).
    """
    read = len(raw) + raw.unread
    if not len(raw):
        return Batch(file, pl.DataFrame(schema=EVENT_SCHEMA), read, list(raw.problems))
    verdicts = Verdicts(raw)
    rows = _Rows(raw, fields, rules, missing, verdicts)
    columns = rows.identities() | rows.types_and_amounts() | rows.opinions()
    times = parse_times(fields.timestamp.read(raw, missing), fields.times, now)
    for reason in (Reason.MISSING_TIMESTAMP, Reason.BAD_TIMESTAMP, Reason.TIME_OUT_OF_RANGE):
        verdicts.reject(times.problem == reason.value, reason)
    verdicts.repair(times.without_zone, Reason.TIME_WITHOUT_ZONE)
    given = columns.pop("event_id", None)
    frame = pl.DataFrame(columns | {"at": times.at}).filter(pl.Series(verdicts.kept))
    ids = event_ids(frame)
    if given is not None:
        ids = pl.select(pl.coalesce(given.filter(pl.Series(verdicts.kept)), ids)).to_series()
    frame = frame.with_columns(event_id=ids).select(list(EVENT_SCHEMA))
    problems = [*raw.problems, *verdicts.rejections(file), *repairs(file, raw.lines, verdicts.repaired())]
    return Batch(file, frame, read, problems)


class _Rows:
    """One batch on its way through the rules."""

    def __init__(
        self,
        raw: RawBatch,
        fields: EventFields,
        rules: CleaningRules,
        missing: frozenset[str],
        verdicts: Verdicts,
    ) -> None:
        self._raw = raw
        self._fields = fields
        self._rules = rules
        self._missing = missing
        self._verdicts = verdicts
        self._nothing = pl.Series([None], dtype=pl.String).new_from_index(0, len(raw))

    def identities(self) -> dict[str, pl.Series]:
        """`user_id`, `anonymous`, `item_id` and, where the file has it, `event_id`."""
        fields, verdicts, missing = self._fields, self._verdicts, self._missing
        optional = pl.Series([False]).new_from_index(0, len(self._raw))
        item_id = verdicts.identifier(fields.item_id, missing)
        session = None
        if fields.session_id is not None:
            session = verdicts.identifier(fields.session_id, missing, needed=optional)
        if fields.user_id is not None:
            needed = None if session is None else session.is_null()
            user = verdicts.identifier(fields.user_id, missing, needed=needed)
        elif session is not None:
            user = self._nothing
            verdicts.reject(session.is_null(), Reason.EMPTY_ID)
        else:
            raise ValueError("events need a user_id or a session_id")
        anonymous = optional if session is None else user.is_null()
        who = user if session is None else pl.select(pl.coalesce(user, session)).to_series()
        found = {"user_id": who, "anonymous": anonymous, "item_id": item_id}
        if fields.event_id is not None:
            found["event_id"] = verdicts.identifier(fields.event_id, missing, needed=optional)
        return found

    def types_and_amounts(self) -> dict[str, pl.Series]:
        """`event_type`, `quantity`, `value`."""
        fields, verdicts = self._fields, self._verdicts
        quantity = self._number(fields.quantity, Reason.BAD_QUANTITY)
        value = self._number(fields.value, Reason.BAD_VALUE)
        if fields.unit_price is not None:
            price = self._number(fields.unit_price, Reason.BAD_VALUE)
            value = pl.select(pl.coalesce(value, price * quantity.fill_null(1.0))).to_series()
        kind = self._nothing if fields.event_type is None else self._read(fields.event_type).cast(pl.String)
        kind = kind.str.strip_chars().str.to_lowercase().fill_null(fields.default_type)
        kind = kind.set(kind == "", fields.default_type)
        if fields.refund_mark is not None:
            marked = self._read(fields.refund_mark).cast(pl.String).str.starts_with(fields.refund_prefix)
            verdicts.repair(marked, Reason.CANCELLATION)
            kind = kind.set(marked.fill_null(value=False), EventType.REFUND.value)
        verdicts.reject(~kind.is_in(_TYPES), Reason.UNKNOWN_EVENT_TYPE)
        negative = ((quantity < 0) & (kind != EventType.REFUND.value)).fill_null(value=False)
        if negative.any():
            verdicts.repair(negative, Reason.NEGATIVE_QUANTITY)
            kind = kind.set(negative, EventType.REFUND.value)
        return {"event_type": kind, "quantity": quantity.cast(pl.Float32), "value": value}

    def opinions(self) -> dict[str, pl.Series]:
        """`rating`, `helpful` and `review_text`."""
        rating = self._number(self._fields.rating, Reason.BAD_RATING).cast(pl.Float32)
        told = {"rating": rating, "helpful": self._count(self._fields.helpful, Reason.BAD_HELPFUL)}
        text_field = self._fields.review_text
        if text_field is None:
            return {**told, "review_text": self._nothing}
        text, touched = clean_texts(self._read(text_field).cast(pl.String), self._rules)
        for reason, mask in touched.items():
            self._verdicts.repair(mask, reason)
        undecoded = text_field.not_utf8(self._raw)
        if undecoded is not None:
            self._verdicts.repair(undecoded, Reason.TEXT_NOT_UTF8)
        return {**told, "review_text": text}

    def _read(self, field: Field) -> pl.Series:
        return field.read(self._raw, self._missing)

    def _count(self, field: Field | None, reason: Reason) -> pl.Series:
        """A column of whole numbers from 0 on (`1,234`, `3.0`); what is none becomes null and is noted."""
        if field is None:
            return self._nothing.cast(pl.Int64)
        given = self._read(field)
        if given.dtype == pl.String:
            given = given.str.strip_chars()
            given = given.set((given == "").fill_null(value=False), None)
            is_grouped = given.str.contains(_GROUPED_COUNT).fill_null(value=False)
            plain = given.str.replace_all(r"\D", "").filter(is_grouped)
            numbers = given.scatter(is_grouped.arg_true(), plain).cast(pl.Float64, strict=False)
        else:
            numbers = given.cast(pl.Float64, strict=False)
        if given.dtype.is_float():
            given = given.fill_nan(None)
        is_count = numbers.is_between(0, _MAX_COUNT) & (numbers == numbers.floor())
        is_count = is_count.fill_null(value=False)
        self._verdicts.repair(given.is_not_null() & ~is_count, reason)
        return numbers.set(~is_count, None).cast(pl.Int64)

    def _number(self, field: Field | None, reason: Reason) -> pl.Series:
        """A column of finite numbers that fit Float32; what is none becomes null and is noted."""
        if field is None:
            return self._nothing.cast(pl.Float64)
        given = self._read(field)
        numbers = given.cast(pl.Float64, strict=False)
        if given.dtype == pl.String and numbers.null_count() > given.null_count():
            text = given.str.strip_chars()
            numbers = pl.select(pl.coalesce(numbers, _with_separators(text))).to_series()
            given = text.set((text == "").fill_null(value=False), None)
        elif given.dtype.is_float():
            given = given.fill_nan(None)
        fits = (numbers.abs() < 3e38).fill_null(value=False)
        self._verdicts.repair(given.is_not_null() & ~fits, reason)
        return numbers.set(~fits, None)


def _with_separators(text: pl.Series) -> pl.Series:
    """Numbers as people write them: `4,5`, `1.234,50`, `1,234.50`; null where there is none."""
    is_grouped = text.str.contains(r"^-?\d{1,3}(?:\.\d{3})+,\d+$").fill_null(value=False)
    plain = text.set(is_grouped, None).fill_null(text.str.replace_all(".", "", literal=True))
    is_english = text.str.contains(r"^-?\d{1,3}(?:,\d{3})+\.\d+$").fill_null(value=False)
    plain = plain.set(is_english, None).fill_null(text.str.replace_all(",", "", literal=True))
    return plain.str.replace(r"^(-?\d+),(\d+)$", "$1.$2").cast(pl.Float64, strict=False)
