"""Reasons for touching a row, in words."""

from graph.formats import Reason

REASONS: dict[str, str] = {
    Reason.BAD_JSON: "the line is not JSON",
    Reason.BROKEN_QUOTES: "quotes that do not close",
    Reason.WRONG_FIELD_COUNT: "more or fewer columns than the header",
    Reason.LINE_TOO_LONG: "the line is too long",
    Reason.TRUNCATED_INPUT: "the file ends early",
    Reason.DAMAGED_INPUT: "the file is damaged",
    Reason.EMPTY_ID: "no shopper or product given",
    Reason.ID_TOO_LONG: "an id is too long",
    Reason.ID_NOT_UTF8: "an id in an unknown encoding",
    Reason.BAD_ID: "an id that is a list or object",
    Reason.MISSING_TIMESTAMP: "no time given",
    Reason.BAD_TIMESTAMP: "a time that cannot be read",
    Reason.TIME_OUT_OF_RANGE: "a time before 1990 or in the future",
    Reason.UNKNOWN_EVENT_TYPE: "an unknown type of event",
    Reason.TIME_WITHOUT_ZONE: "time without a time zone, read as UTC unless mapped",
    Reason.TIME_FROM_ORDER: "no times in the file, its order was taken",
    Reason.TEXT_NOT_UTF8: "text in an unknown encoding, read as Windows-1252",
    Reason.CANCELLATION: "cancelled order, counted as a return",
    Reason.NEGATIVE_QUANTITY: "negative quantity, counted as a return",
    Reason.BAD_RATING: "a rating that is no number",
    Reason.BAD_HELPFUL: "helpful votes that are no count",
    Reason.BAD_QUANTITY: "a quantity that is no number",
    Reason.BAD_VALUE: "an amount that is no number",
    Reason.BAD_PRICE: "a price that is no number",
    Reason.HTML_TITLE: "a title that is a piece of web page, emptied",
    Reason.HTML_TAGS: "HTML tags in a text, removed",
    Reason.HTML_ENTITIES: "HTML entities such as &amp; in a text, replaced",
    Reason.WHITESPACE: "stray blanks in a text, removed",
    Reason.CONTROL_CHARACTERS: "control characters in a text, removed",
    Reason.UNICODE_FORM: "accents written in an unusual form, composed",
    Reason.TEXT_CUT: "a very long text, cut",
    Reason.REPEATED_ITEM: "a product that comes more than once, merged",
}
"""Reason -> what a shop owner would call it; complete."""
