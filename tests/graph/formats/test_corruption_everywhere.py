"""Damage to some rows of a file of any format: the others come out unchanged, and nothing vanishes silently.

`ILK_CORRUPTION_EXAMPLES` sets how many files of each format are damaged.
"""

import gzip
import json
import os
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph.errors import UnreadableInput
from graph.formats import Outcome, open_shop
from tests.graph.formats.reading import Pass, events, items
from tests.graph.formats.test_corruption import cut, flip, insert, recode

N = 24
EXAMPLES = os.environ.get("ILK_CORRUPTION_EXAMPLES")
DAMAGED = settings(
    max_examples=int(EXAMPLES or 20),
    derandomize=EXAMPLES is None,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
HUGE = 10_000_000

Damage = Callable[[bytes, random.Random, bytes], bytes]


@dataclass(frozen=True)
class Form:
    """One file of a format, row by row."""

    name: str
    header: str
    row: Callable[[int], str]
    """Row n without its line end; ids of two rows differ in more than one byte."""
    separator: str
    """Between the fields of a row."""
    width: int | None = None
    """How many fields a row has; None: it is an object."""
    kind: str = "events"
    between: str = "\n"
    """Between rows."""
    end: str = "\n"


def ident(n: int) -> str:
    """Digits, each twice and far apart: no damage to one byte makes one id another."""
    return f"{n:02d}7{n:02d}"


def at(n: int) -> int:
    return 1_600_000_000 + 60 * n


def fields(*texts: object) -> dict[str, Any]:
    """An event under Ilk's names."""
    return dict(zip(("user_id", "item_id", "timestamp", "review_text"), texts, strict=True))


def review(n: int) -> dict[str, Any]:
    return {
        "reviewerID": f"A{ident(n)}",
        "asin": f"B{ident(n)}",
        "overall": 4.0,
        "reviewText": f"fine {n}",
        "unixReviewTime": at(n),
    }


def product(n: int) -> dict[str, Any]:
    return {"asin": f"B{ident(n)}", "title": f"It's {n}", "categories": [["Toys", f"Kind {n}"]]}


def seen(n: int) -> dict[str, Any]:
    sold = [{"item_id": f"s{ident(n)}", "item_name": f"Lamp {n}", "quantity": 1}]
    return {
        "event_name": "purchase",
        "event_timestamp": at(n) * 1_000_000,
        "user_pseudo_id": f"p{ident(n)}",
        "items": sold,
    }


def ilk(n: int) -> dict[str, Any]:
    return fields(f"u{ident(n)}", f"i{ident(n)}", at(n), f"text {n}")


ATOMIC = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
RETAIL = "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country\n"
FORMS = [
    Form(
        "events.csv",
        "user_id,item_id,timestamp,review_text\n",
        lambda n: f'u{ident(n)},i{ident(n)},{at(n)},"text {n}"',
        ",",
        4,
    ),
    Form(
        "events.csv",
        "user_id;item_id;timestamp;rating\r\n",
        lambda n: f"u{ident(n)};i{ident(n)};{at(n)};4,5",
        ";",
        4,
        between="\r\n",
        end="\r\n",
    ),
    Form("events.jsonl", "", lambda n: json.dumps(ilk(n)), ", "),
    Form("events.json", "[\n", lambda n: json.dumps(ilk(n)), ", ", between=",\n", end="\n]\n"),
    Form(
        "items.csv",
        "item_id,title,price\n",
        lambda n: f'i{ident(n)},"A ""lamp"" {n}",{n}.5',
        ",",
        3,
        "items",
    ),
    Form("reviews.json", "", lambda n: repr(review(n)), ", "),
    Form("Books.json", "", lambda n: json.dumps(review(n)), ", "),
    Form("meta.json", "", lambda n: repr(product(n)), ", ", kind="items"),
    Form("x.inter", ATOMIC, lambda n: f"u{ident(n)}\ti{ident(n)}\t4\t{at(n)}.0", "\t", 4),
    Form("x.item", "item_id:token\ttitle:token_seq\n", lambda n: f"i{ident(n)}\tLamp {n}", "\t", 2, "items"),
    Form("train.txt", "", lambda n: f"{ident(n)} 1{ident(n)} 2{ident(n)}", " "),
    Form("ratings.dat", "", lambda n: f"{ident(n)}::{ident(n)}::4::{at(n)}", "::", 4),
    Form("movies.dat", "", lambda n: f"{ident(n)}::Film {n}::Drama|War", "::", kind="items"),
    Form(
        "feedback.csv",
        "feedback_type,user_id,item_id,time_stamp\n",
        lambda n: f"star,u{ident(n)},i{ident(n)},2020-01-01T00:00:{n:02d}Z",
        ",",
        4,
    ),
    Form("ga4.jsonl", "", lambda n: json.dumps(seen(n)), ", "),
    Form(
        "retail.csv",
        RETAIL,
        lambda n: f"5{ident(n)},S{ident(n)},HOLDER {n},6,12/1/2010 8:{n:02d},2.55,1{ident(n)},UK",
        ",",
        8,
    ),
]
BESIDE = {"movies.dat": ("ratings.dat", "1::1::4::978300760\n")}
"""Files that a format cannot be told without."""


def swap(line: bytes, rng: random.Random, separator: bytes) -> bytes:
    """Put the fields in another order."""
    parts = line.split(separator)
    rng.shuffle(parts)
    return separator.join(parts)


def bloat(line: bytes, rng: random.Random, separator: bytes) -> bytes:
    """Make the row ten megabytes long."""
    where = rng.randrange(len(line))
    return line[:where] + b"x" * HUGE + line[where:]


def ended(damage: Callable[[bytes, random.Random], bytes]) -> Damage:
    """A damage that takes lines with their ends, for a row without."""
    return lambda line, rng, separator: damage(line + b"\n", rng).removesuffix(b"\n")


def join(line: bytes, rng: random.Random, separator: bytes) -> bytes:
    """Two rows on one line."""
    return line + line


DAMAGES: list[Damage] = [*map(ended, (flip, cut, recode, insert)), swap, join]


def read_form(form: Form, folder: Path, rows: list[bytes]) -> Pass:
    """The file with these rows, read."""
    content = form.header.encode() + form.between.encode().join(rows) + form.end.encode()
    (folder / form.name).write_bytes(content)
    if form.name in BESIDE:
        (folder / BESIDE[form.name][0]).write_text(BESIDE[form.name][1], "utf-8")
    shop = open_shop(folder)
    return items(shop.items()) if form.kind == "items" else events(shop.events())


def content(frame: pl.DataFrame) -> Counter[tuple[object, ...]]:
    """Rows, counted; without times where these come from the order of rows."""
    plain = frame.drop("event_id", strict=False)
    return Counter(tuple(map(str, row)) for row in plain.rows())


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.name}-{len(form.header)}")
@DAMAGED
@given(
    hits=st.dictionaries(
        st.integers(1, N // 3 - 1).map(lambda n: 3 * n), st.sampled_from(DAMAGES), max_size=6
    ),
    seed=st.integers(0, 2**32),
)
def test_other_rows_stay_and_none_vanishes(
    tmp_path: Path, form: Form, hits: dict[int, Damage], seed: int
) -> None:
    rng = random.Random(seed)
    rows = [form.row(n).encode() for n in range(N)]
    good = [row for n, row in enumerate(rows) if n not in hits]
    expected = content(read_form(form, tmp_path, good).frame)
    for n, damage in hits.items():
        rows[n] = damage(rows[n], rng, form.separator.encode())
    found = read_form(form, tmp_path, rows)
    lost = expected - content(found.frame)
    assert not lost, f"lost: {list(lost)[:2]}, damaged: {[rows[n] for n in hits]}"
    # every damaged line is a row or is told of; it may be both (two rows on a line) but never neither
    told = {problem.line for problem in found.problems if problem.outcome is Outcome.REJECTED}
    for n in hits:
        if impossible(form, rows[n]):
            assert line_of(form, rows, n) in told, f"silently: {rows[n]!r:.200}"


def line_of(form: Form, rows: list[bytes], n: int) -> int:
    """Number of the line on which row n begins; a damaged row before it may hold line ends."""
    before = form.header.encode() + b"".join(row + form.between.encode() for row in rows[:n])
    return 1 + before.replace(b"\r\n", b"\n").replace(b"\r", b"\n").count(b"\n")


def impossible(form: Form, row: bytes) -> bool:
    """Whether a row cannot be what it ought to be, by rules that owe nothing to the readers."""
    if b"\n" in row or b"\r" in row or not row.strip(b" \t,"):
        return False
    try:
        text = row.decode()
    except UnicodeDecodeError:
        return False
    if form.name == "train.txt":
        return any(not part.isdecimal() for part in text.split())
    if form.width is not None:
        return '"' not in text and text.count(form.separator) != form.width - 1
    try:
        json.loads(text)
    except ValueError:
        return form.name in ("events.jsonl", "Books.json", "ga4.jsonl")
    return False


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.name}-{len(form.header)}")
def test_a_row_of_ten_megabytes_costs_itself_only(tmp_path: Path, form: Form) -> None:
    rows = [form.row(n).encode() for n in range(N)]
    expected = content(read_form(form, tmp_path, rows[:12] + rows[13:]).frame)
    rows[12] = bloat(rows[12], random.Random(1), b"")
    found = read_form(form, tmp_path, rows)
    assert not expected - content(found.frame)
    assert all(len(problem.excerpt) <= 160 for problem in found.problems)


@DAMAGED
@given(where=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255), cut_off=st.booleans())
def test_damage_to_a_packed_file_is_told(tmp_path: Path, where: float, bits: int, *, cut_off: bool) -> None:
    rows = [ilk(n) for n in range(200)]
    whole = bytearray(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode(), mtime=0))
    place = 10 + int(where * (len(whole) - 10))  # the first ten bytes hold no data
    if cut_off:
        del whole[place:]
    else:
        whole[place] ^= bits
    (tmp_path / "events.jsonl.gz").write_bytes(bytes(whole))
    try:
        found = events(open_shop(tmp_path).events())
    except UnreadableInput:
        return
    assert found.counts.incomplete, "the damage is not told"


@DAMAGED
@given(where=st.floats(0, 1, exclude_max=True), bits=st.integers(1, 255))
def test_damage_to_parquet_changes_no_row_silently(tmp_path: Path, where: float, bits: int) -> None:
    frame = pl.DataFrame([ilk(n) for n in range(400)])
    path = tmp_path / "events.parquet"
    pq.write_table(frame.to_arrow(), path, row_group_size=100, write_page_checksum=True, use_dictionary=False)
    expected = content(events(open_shop(tmp_path).events()).frame)
    whole = bytearray(path.read_bytes())
    whole[int(where * len(whole))] ^= bits
    path.write_bytes(bytes(whole))
    try:
        shop = open_shop(tmp_path)
        found = events(shop.events())
    except UnreadableInput:
        return
    # a column that the footer names otherwise is told as one that is not read
    if not found.counts.incomplete and not found.counts.rejected and not shop.notes:
        assert content(found.frame) == expected
