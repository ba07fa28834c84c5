"""Files that are absent, empty, damaged or broken in parts."""

import gzip
import json
from pathlib import Path

import pytest

from graph.errors import UnknownFormat, UnreadableInput
from graph.formats import Outcome, open_shop
from graph.formats.text_stream import MAX_LINE_CHARS
from tests.graph.formats.reading import Pass, events, items, write

HEADER = "user_id,item_id,timestamp,review_text\n"


def row(n: int, text: str = "fine") -> str:
    """A good row."""
    return f"u{n},i{n},{1_600_000_000 + n},{text}\n"


def users(path: Path) -> Pass:
    """A pass over the events of a path."""
    return events(open_shop(path).events())


def test_missing_path_empty_folder_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(UnreadableInput, match="no such file or folder"):
        open_shop(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UnreadableInput, match="no data files"):
        open_shop(tmp_path / "empty")
    with pytest.raises(UnknownFormat, match="'xml'; known: auto, ilk"):
        open_shop(tmp_path, "xml")
    for name in ("ilk", "amazon", "recbole", "lightgcn", "movielens"):
        write(tmp_path / "x" / "a.csv", "a,b\n1,2\n")
        with pytest.raises(UnreadableInput):
            open_shop(tmp_path / "x", name)


@pytest.mark.parametrize("name", ["events.csv", "events.jsonl", "events.parquet", "events.csv.gz"])
def test_empty_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(UnreadableInput, match=f"{name}.*empty"):
        open_shop(tmp_path)


def test_not_gzip_and_not_parquet(tmp_path: Path) -> None:
    (tmp_path / "events.csv.gz").write_text(HEADER + row(1))
    with pytest.raises(UnreadableInput, match=r"events\.csv\.gz: named \.gz but not gzip") as error:
        open_shop(tmp_path)
    assert "\n" not in str(error.value)
    (tmp_path / "events.csv.gz").unlink()
    (tmp_path / "events.parquet").write_bytes(b"PAR1 and nothing of the kind PAR1")
    with pytest.raises(UnreadableInput, match=r"events\.parquet: not a readable Parquet file"):
        open_shop(tmp_path)


def test_gzip_without_its_ending_is_read_all_the_same(tmp_path: Path) -> None:
    write(tmp_path / "events.csv", gzip.compress((HEADER + row(1)).encode()))
    assert users(tmp_path).counts.accepted == 1


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_truncated_gzip_gives_what_can_be_read(tmp_path: Path, kind: str) -> None:
    lines = [row(n) for n in range(20_000)]
    if kind == "jsonl":
        lines = [
            json.dumps({"user_id": f"u{n}", "item_id": "i", "timestamp": 1_600_000_000 + n}) + "\n"
            for n in range(20_000)
        ]
    whole = gzip.compress(((HEADER if kind == "csv" else "") + "".join(lines)).encode())
    (tmp_path / f"events.{kind}.gz").write_bytes(whole[: len(whole) // 2])
    happened = users(tmp_path)
    assert 5_000 < happened.counts.accepted < 15_000
    assert happened.frame["user_id"].to_list() == [f"u{n}" for n in range(happened.counts.accepted)]
    assert happened.counts.rejected == {}
    assert happened.counts.incomplete == {"truncated_input": 1}
    (problem,) = happened.problems
    assert problem.outcome is Outcome.INCOMPLETE
    assert problem.line - happened.counts.accepted in (1, 2)


def test_damaged_gzip_gives_what_precedes(tmp_path: Path) -> None:
    whole = bytearray(gzip.compress((HEADER + "".join(row(n) for n in range(20_000))).encode()))
    whole[len(whole) // 2] ^= 0xFF
    (tmp_path / "events.csv.gz").write_bytes(bytes(whole))
    happened = users(tmp_path)
    assert happened.counts.incomplete == {"damaged_input": 1}
    assert happened.counts.accepted > 1_000


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        ('ux,"ix,1600000000,never closed\n', "broken_quotes"),
        ('ux,ix,1600000000,"never closed\n', "broken_quotes"),
        ('"ux",ix,1600000000,"a "b\n', "broken_quotes"),
        ("ux,ix\n", "wrong_field_count"),
        ("\x00\x00\n", "wrong_field_count"),
        ("ux,ix,1600000000,a,b,c\n", "wrong_field_count"),
    ],
)
@pytest.mark.parametrize("others_quoted", [False, True])
def test_a_broken_row_costs_itself_only(
    tmp_path: Path, broken: str, reason: str, *, others_quoted: bool
) -> None:
    text = '"two\nlines, ""quoted"""' if others_quoted else "fine"
    before, after = [row(n, text) for n in range(5)], [row(n, text) for n in range(5, 12)]
    write(tmp_path / "events.csv", HEADER + "".join(before) + broken + "".join(after))
    happened = users(tmp_path)
    assert happened.frame["user_id"].to_list() == [f"u{n}" for n in range(12)]
    assert happened.counts.rejected == {reason: 1}
    assert happened.lines(reason) == [1 + 5 * (1 + others_quoted) + 1]
    if others_quoted:
        assert set(happened.frame["review_text"]) == {'two lines, "quoted"'}


def test_two_broken_quotes_do_not_swallow_the_rows_between(tmp_path: Path) -> None:
    middle = "".join(row(n) for n in range(2, 5))
    write(
        tmp_path / "events.csv",
        HEADER + row(1) + 'ux,ix,1600000000,"open\n' + middle + 'uy,iy,1600000000,close"\n' + row(5),
    )
    happened = users(tmp_path)
    assert [user for user in happened.frame["user_id"] if user not in ("ux", "uy")] == [
        "u1",
        "u2",
        "u3",
        "u4",
        "u5",
    ]
    assert happened.counts.rejected["broken_quotes"] >= 1


def test_texts_that_contain_delimiters_and_line_breaks_stay_whole(tmp_path: Path) -> None:
    text = '"first\na, b, c, d\n1,2,3,4 pieces\nlast"'
    write(tmp_path / "events.csv", HEADER + row(1) + row(2, text) + row(3))
    happened = users(tmp_path)
    assert happened.frame["review_text"].to_list() == ["fine", "first a, b, c, d 1,2,3,4 pieces last", "fine"]
    assert happened.counts.rejected == {}


def test_many_open_quotes_cost_no_quadratic_time(tmp_path: Path) -> None:
    rows = "".join(f'u{n},"i{n},1600000000,x\n' for n in range(20_000))
    write(tmp_path / "events.csv", HEADER + rows + row(1))
    happened = users(tmp_path)
    assert happened.counts.rejected == {"broken_quotes": 20_000}
    assert happened.frame["user_id"].to_list() == ["u1"]


def test_line_ends_blank_lines_and_trailing_delimiters(tmp_path: Path) -> None:
    for end in ("\r\n", "\r", "\n"):
        content = (HEADER + row(1) + "\n" + row(2).replace("\n", ",,\n") + row(3)).replace("\n", end)
        write(tmp_path / "events.csv", content.rstrip())
        happened = users(tmp_path)
        assert happened.frame["user_id"].to_list() == ["u1", "u2", "u3"]
        assert happened.counts.rejected == {}


def test_encodings(tmp_path: Path) -> None:
    rows = [HEADER.encode(), "u1,i1,1600000001,süß\n".encode(), "u2,i2,1600000002,süß\n".encode("cp1252")]
    rows += ["ü3,i3,1600000003,x\n".encode("cp1252"), b"u4,i4,1600000004,ok\n"]
    write(tmp_path / "events.csv", b"".join(rows))
    happened = users(tmp_path)
    assert happened.frame.select("user_id", "review_text").rows() == [
        ("u1", "süß"),
        ("u2", "süß"),
        ("u4", "ok"),
    ]
    assert (happened.counts.rejected, happened.lines("id_not_utf8")) == ({"id_not_utf8": 1}, [4])
    assert (happened.counts.repaired, happened.lines("text_not_utf8")) == ({"text_not_utf8": 1}, [3])
    for encoding in ("utf-8-sig", "utf-16"):
        write(tmp_path / "events.csv", (HEADER + row(1, "süß")).encode(encoding))
        assert users(tmp_path).frame["review_text"].to_list() == ["süß"]
    write(tmp_path / "events.csv", (HEADER + row(1, "süß") + row(2)).encode("utf-16")[:-3])
    assert users(tmp_path).frame["user_id"].to_list() == ["u1", "u2"]


def test_ten_megabyte_lines_and_endless_ones(tmp_path: Path) -> None:
    big = "x" * 10_000_000
    write(
        tmp_path / "events.csv", HEADER + row(1, big) + row(2) + "y" * (MAX_LINE_CHARS + 10) + "\n" + row(3)
    )
    happened = users(tmp_path)
    assert happened.frame["user_id"].to_list() == ["u1", "u2", "u3"]
    assert len(happened.frame["review_text"][0]) == 20_000
    assert (happened.counts.repaired, happened.counts.rejected) == ({"text_cut": 1}, {"line_too_long": 1})
    assert happened.lines("line_too_long") == [4]
    assert all(len(problem.excerpt) <= 160 for problem in happened.problems)


def test_bad_json_lines(tmp_path: Path) -> None:
    good = [json.dumps({"user_id": f"u{n}", "item_id": "i", "timestamp": 1_600_000_000}) for n in range(3)]
    bad = ["{", "[1]", "null", "[" * 100_000, '{"user_id": }', "\x00", '{"a": ' + "9" * 5_000 + "}"]
    odd = '{"user_id": "\\ud800", "item_id": "i", "timestamp": 1600000000}'
    write(tmp_path / "events.jsonl", "\n".join([good[0], *bad, good[1], odd, good[2]]))
    happened = users(tmp_path)
    assert happened.frame["user_id"].to_list() == ["u0", "u1", "u2"]
    assert happened.counts.rejected == {"bad_json": len(bad), "id_not_utf8": 1}
    assert happened.lines("bad_json") == list(range(2, 2 + len(bad)))


def test_first_line_broken(tmp_path: Path) -> None:
    good = json.dumps({"user_id": "u", "item_id": "i", "timestamp": 1_600_000_000})
    write(tmp_path / "events.jsonl", "x" + good + "\n" + good + "\n" + good)
    happened = users(tmp_path)
    assert (happened.counts.accepted, happened.counts.rejected) == (2, {"bad_json": 1})


def test_text_that_is_not_utf8_in_attributes_is_mended(tmp_path: Path) -> None:
    write(tmp_path / "items.csv", b"item_id,title,colour\ni,L\xe4mp,gr\xfcn\n")
    catalogue = items(open_shop(tmp_path).items())
    assert catalogue.frame.select("title", "attributes").rows() == [("Lämp", '{"colour": "grün"}')]
    assert catalogue.counts.repaired == {"text_not_utf8": 1}
