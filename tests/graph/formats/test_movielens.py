"""MovieLens as it is handed out without headers."""

from pathlib import Path

import pytest

from graph.errors import UnreadableInput
from graph.formats import open_shop
from tests.graph.formats.reading import events, items, write

MILLION = {
    "ratings.dat": "1::1193::5::978300760\n1::661::3::978302109\n2::661::3.5::978302110\n",
    "movies.dat": "1193::One Flew Over (1975)::Drama\n661::Caf\u00e9: A::B (1996)::Animation|Children's\n",
    "users.dat": "1::F::1::10::48067\n",
    "README": "SUMMARY\n",
}
OLD = {
    "u.data": "196\t242\t3\t881250949\n186\t302\t3\t891717742\n",
    "u.item": "242|Kolya (1996)|24-Jan-1997||http://k|0|0|0|0|0|1|0|0|0|0|0|0|0|0|0|0|0|0|1\n"
    "302|unknown||||1|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0|0\n",
    "u.user": "196|24|M|technician|85711\n",
    "u1.base": "1\t1\t5\t874965758\n",
}


def test_files_with_double_colons(tmp_path: Path) -> None:
    for name, text in MILLION.items():
        write(tmp_path / name, text.encode("latin-1"))
    shop = open_shop(tmp_path)
    assert shop.format == "movielens"
    assert [note.partition(":")[0] for note in shop.notes] == ["README", "users.dat"]
    happened, films = events(shop.events()), items(shop.items())
    assert happened.frame.select("user_id", "item_id", "event_type", "rating", "at").rows() == [
        ("1", "1193", "review", 5.0, 978300760000000),
        ("1", "661", "review", 3.0, 978302109000000),
        ("2", "661", "review", 3.5, 978302110000000),
    ]
    assert films.frame.select("title", "categories").rows() == [
        ("One Flew Over (1975)", ["Drama"]),
        ("Caf\u00e9: A::B (1996)", ["Animation", "Children's"]),
    ]
    assert films.counts.repaired == {"text_not_utf8": 1}


def test_the_oldest_set(tmp_path: Path) -> None:
    for name, text in OLD.items():
        write(tmp_path / name, text)
    shop = open_shop(tmp_path)
    assert shop.format == "movielens"
    assert events(shop.events()).frame.select("user_id", "item_id").rows() == [("196", "242"), ("186", "302")]
    assert items(shop.items()).frame.select("item_id", "title", "categories").rows() == [
        ("242", "Kolya (1996)", ["Comedy", "Western"]),
        ("302", "", []),
    ]


def test_a_broken_line_costs_itself_only(tmp_path: Path) -> None:
    lines = [
        "1::1::5::978300760",
        "1::2::5",
        "2::2::5::978300760::9",
        "",
        "3::3::5::978300761",
        "4::4::x::soon",
    ]
    write(tmp_path / "ratings.dat", "\n".join(lines))
    happened = events(open_shop(tmp_path).events())
    assert happened.frame["user_id"].to_list() == ["1", "3"]
    assert happened.counts.rejected == {"wrong_field_count": 2, "bad_timestamp": 1}
    assert happened.lines("wrong_field_count") == [2, 3]


def test_films_alone_are_no_ratings(tmp_path: Path) -> None:
    write(tmp_path / "movies.dat", MILLION["movies.dat"])
    with pytest.raises(UnreadableInput, match="no MovieLens ratings"):
        open_shop(tmp_path, "movielens")
