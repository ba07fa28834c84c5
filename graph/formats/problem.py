"""What was wrong with a row of a file: which row, why, and whether it was mended."""

from dataclasses import dataclass
from enum import StrEnum

EXCERPT_CHARS = 160


class Outcome(StrEnum):
    """What became of the row."""

    REJECTED = "rejected"
    """The row is left out."""
    REPAIRED = "repaired"
    """The row is in; one of its fields was changed or emptied."""
    INCOMPLETE = "incomplete"
    """No row: the file ends or is damaged here, and more rows were to be expected."""


class Reason(StrEnum):
    """Why a row was touched. One rejected row has one reason, a repaired one any number."""

    # the row cannot be read
    BAD_JSON = "bad_json"
    BROKEN_QUOTES = "broken_quotes"
    WRONG_FIELD_COUNT = "wrong_field_count"
    LINE_TOO_LONG = "line_too_long"
    # the file cannot be read to its end
    TRUNCATED_INPUT = "truncated_input"
    DAMAGED_INPUT = "damaged_input"
    # the row breaks a rule of the domain
    EMPTY_ID = "empty_id"
    ID_TOO_LONG = "id_too_long"
    ID_NOT_UTF8 = "id_not_utf8"
    BAD_ID = "bad_id"
    MISSING_TIMESTAMP = "missing_timestamp"
    BAD_TIMESTAMP = "bad_timestamp"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    UNKNOWN_EVENT_TYPE = "unknown_event_type"
    # a field of the row was mended
    TIME_WITHOUT_ZONE = "time_without_zone"
    TIME_FROM_ORDER = "time_from_order"
    TEXT_NOT_UTF8 = "text_not_utf8"
    CANCELLATION = "cancellation"
    NEGATIVE_QUANTITY = "negative_quantity"
    BAD_RATING = "bad_rating"
    BAD_HELPFUL = "bad_helpful"
    BAD_QUANTITY = "bad_quantity"
    BAD_VALUE = "bad_value"
    BAD_PRICE = "bad_price"
    HTML_TITLE = "html_title"
    HTML_TAGS = "html_tags"
    HTML_ENTITIES = "html_entities"
    WHITESPACE = "whitespace"
    CONTROL_CHARACTERS = "control_characters"
    UNICODE_FORM = "unicode_form"
    TEXT_CUT = "text_cut"
    CATEGORY_CUT = "category_cut"
    REPEATED_ITEM = "repeated_item"


@dataclass(frozen=True, slots=True)
class Problem:
    """One touched row, or a run of neighbouring rows that were mended for the same reason."""

    file: str
    """Name of the file within the folder that was opened."""
    line: int
    """Line on which the row starts, from 1 (Parquet: number of the row)."""
    reason: str
    """A `Reason`."""
    outcome: Outcome
    excerpt: str = ""
    """Beginning of the row or field, at most `EXCERPT_CHARS` characters, control characters escaped."""
    rows: int = 1
    """How many rows the run has."""
    last_line: int = 0
    """Line on which the run's last row starts (0: the run is one row)."""


def excerpt(text: str) -> str:
    """A short, printable, UTF-8-safe beginning of a text."""
    short = text[: EXCERPT_CHARS + 1].encode("utf-8", "backslashreplace").decode("utf-8")
    short = "".join(c if c.isprintable() else repr(c)[1:-1] for c in short.rstrip("\r\n"))
    return short if len(short) <= EXCERPT_CHARS else short[: EXCERPT_CHARS - 1] + "…"
