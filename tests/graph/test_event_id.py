"""Ids of events that carry none."""

import subprocess
import sys

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from graph.event_id import CANONICAL_FIELDS, event_ids
from graph.frames import EVENT_SCHEMA

ROW = {
    "user_id": "u1",
    "anonymous": False,
    "item_id": "i/1",
    "event_type": "purchase",
    "at": 1_600_000_000_000_000,
    "rating": 4.5,
    "review_text": "süß",
    "quantity": 2.0,
    "value": 0.1,
}
OTHER = {
    "user_id": "u2",
    "anonymous": True,
    "item_id": "i/2",
    "event_type": "refund",
    "at": 1_600_000_000_000_001,
    "rating": None,
    "review_text": None,
    "quantity": None,
    "value": 0.2,
}
ROW_ID = "880965f1f75dca64d868340a4e374d1d"


def frame(*rows: dict[str, object]) -> pl.DataFrame:
    """Rows as a frame of the canonical fields."""
    return pl.DataFrame(list(rows), schema={name: EVENT_SCHEMA[name] for name in CANONICAL_FIELDS})


def test_every_canonical_field_counts() -> None:
    rows = [ROW, *({**ROW, name: OTHER[name]} for name in CANONICAL_FIELDS)]
    assert event_ids(frame(*rows)).n_unique() == len(CANONICAL_FIELDS) + 1


def test_votes_do_not_change_an_id() -> None:
    told = frame(ROW).with_columns(helpful=pl.lit(3, pl.Int64))
    assert event_ids(told)[0] == event_ids(told.with_columns(helpful=pl.lit(9, pl.Int64)))[0] == ROW_ID


def test_an_id_depends_on_its_row_only_and_never_changes() -> None:
    assert event_ids(frame(OTHER, ROW, OTHER))[1] == ROW_ID


def test_fields_cannot_run_into_each_other() -> None:
    rows = [{**ROW, "user_id": "a|1|b", "item_id": "c"}, {**ROW, "user_id": "a", "item_id": "b|1|c"}]
    blank = [{**ROW, "review_text": None}, {**ROW, "review_text": ""}, {**ROW, "review_text": "-"}]
    assert event_ids(frame(*rows, *blank)).n_unique() == 5


def test_negative_zero_is_zero() -> None:
    assert event_ids(frame({**ROW, "value": 0.0}, {**ROW, "value": -0.0})).n_unique() == 1


def test_another_process_gives_the_same_ids() -> None:
    program = (
        "import polars as pl, sys, json; from graph.event_id import *; from graph.frames import EVENT_SCHEMA;"
        "s={n: EVENT_SCHEMA[n] for n in CANONICAL_FIELDS};"
        f"print(event_ids(pl.DataFrame([{ROW!r}], schema=s))[0])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ROW_ID


TEXTS = st.text(st.characters(codec="utf-8"), max_size=5)


@given(st.lists(st.tuples(TEXTS, TEXTS, st.none() | TEXTS), max_size=30))
def test_different_rows_get_different_ids(parts: list[tuple[str, str, str | None]]) -> None:
    rows = [{**ROW, "user_id": user, "item_id": item, "review_text": text} for user, item, text in parts]
    assert event_ids(frame(*rows)).n_unique() == len(set(parts))
