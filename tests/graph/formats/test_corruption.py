"""Whatever is done to some lines of a file, the others come out unchanged and the counts add up."""

import csv
import io
import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graph.errors import UnreadableInput
from graph.formats import open_shop
from tests.graph.formats.reading import events

N = 30
COLUMNS = ("user_id", "item_id", "timestamp", "review_text")
ROWS = [(f"u{n}", f"i{n}", str(1_600_000_000 + n), f"text {n}") for n in range(N)]


def csv_line(row: tuple[str, ...]) -> bytes:
    """A row in CSV, some fields quoted."""
    out = io.StringIO()
    csv.writer(
        out, quoting=csv.QUOTE_ALL if int(row[2]) % 3 == 0 else csv.QUOTE_MINIMAL, lineterminator="\n"
    ).writerow(row)
    return out.getvalue().encode()


def json_line(row: tuple[str, ...]) -> bytes:
    """A row as an object."""
    return (json.dumps(dict(zip(COLUMNS, row, strict=True))) + "\n").encode()


def flip(line: bytes, rng: random.Random) -> bytes:
    """Change one byte."""
    where = rng.randrange(len(line) - 1)
    return line[:where] + bytes([line[where] ^ rng.randrange(1, 256)]) + line[where + 1 :]


def cut(line: bytes, rng: random.Random) -> bytes:
    """Lose the end of the line, but not the line break."""
    return line[: rng.randrange(len(line))] + b"\n"


def swap(line: bytes, rng: random.Random) -> bytes:
    """Put the fields in another order."""
    parts = line.rstrip(b"\n").split(b",")
    rng.shuffle(parts)
    return b",".join(parts) + b"\n"


def recode(line: bytes, rng: random.Random) -> bytes:
    """Insert a letter of another encoding."""
    where = rng.randrange(len(line) - 1)
    return (
        line[:where]
        + rng.choice(["é".encode("cp1252"), b"\xff\xfe", b"\x80", "é".encode("utf-16")])
        + line[where:]
    )


def insert(line: bytes, rng: random.Random) -> bytes:
    """Insert characters that mean something to parsers."""
    where = rng.randrange(len(line) - 1)
    return (
        line[:where]
        + rng.choice([b'"', b'""', b",", b"\\", b"\x00", b"{", b"}", b"'", b'",', b'"""'])
        + line[where:]
    )


Damage = Callable[[bytes, random.Random], bytes]
DAMAGES: list[Damage] = [flip, cut, swap, recode, insert]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    hits=st.lists(st.tuples(st.integers(0, N - 1), st.sampled_from(DAMAGES)), max_size=8),
    seed=st.integers(0, 2**32),
    gaps=st.booleans(),
)
def test_undamaged_rows_always_come_out(
    tmp_path: Path, kind: str, hits: list[tuple[int, Damage]], seed: int, *, gaps: bool
) -> None:
    rng = random.Random(seed)
    lines = [(csv_line if kind == "csv" else json_line)(row) for row in ROWS]
    if gaps:  # damaged lines never side by side: two broken quotes could pair up into a valid field
        hits = [(n, damage) for n, damage in hits if n % 3 == 0]
    damaged = set()
    for n, damage in hits:
        if n not in damaged:
            lines[n] = damage(lines[n], rng)
            damaged.add(n)
    header = ",".join(COLUMNS).encode() + b"\n" if kind == "csv" else b""
    (tmp_path / f"events.{kind}").write_bytes(header + b"".join(lines))
    try:
        happened = events(open_shop(tmp_path).events())
    except UnreadableInput:
        assert kind == "jsonl"
        assert len(damaged) > 5
        return
    got = happened.frame.select("user_id", "item_id", "at", "review_text").rows()
    for n, (user, item, at, text) in enumerate(ROWS):
        if n not in damaged:
            assert got.count((user, item, int(at) * 1_000_000, text)) >= 1
    assert happened.counts.read >= N - len(damaged)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=400),
    st.sampled_from(["events.csv", "events.jsonl", "events.csv.gz", "events.parquet", "train.txt"]),
)
def test_any_bytes_are_read_or_refused(tmp_path: Path, content: bytes, name: str) -> None:
    for old in tmp_path.iterdir():
        old.unlink()
    (tmp_path / name).write_bytes(content)
    for form in ("auto", "ilk", "amazon", "recbole", "lightgcn"):
        try:
            shop = open_shop(tmp_path, form)
        except UnreadableInput:
            continue
        assert events(shop.events()).counts.balanced  # every row read is accepted or named


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_any_bytes_after_a_good_header_are_read(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "events.csv").write_bytes(",".join(COLUMNS).encode() + b"\n" + csv_line(ROWS[0]) + content)
    happened = events(open_shop(tmp_path).events())
    assert "u0" in set(happened.frame["user_id"])
