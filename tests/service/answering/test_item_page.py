"""A page about one item: complete, without network, without users, whatever the shop's texts hold."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from service.answering.answer import Answer
from service.answering.explanation import Evidence, Intermediate
from service.answering.item_page import PageNeighbour, item_page, picture_of
from service.cli.command import run
from service.cli.explain import evidence_lines
from service.nightly.refresh_result import RefreshResult

CARD = {
    "title": "<script>alert(1)</script>",
    "brand": "A & B",
    "categories": ["Home > Lamps"],
    "price": 12.5,
    "currency": "EUR",
    "availability": "in stock",
    "image_url": "https://shop.example/1.jpg",
}
ANSWER = Answer([], "r000001", "r000001", 7)
NEAR = PageNeighbour(
    "n1", {**CARD, "title": 'say "hi"'}, 2.0, {"text": 1.5, "brand": 0.7, "trend": -0.2}, ("Home > Lamps",),
    ["3 shoppers turned to both"],
)  # fmt: skip


def test_what_comes_from_the_shop_is_escaped() -> None:
    page = item_page("}) DETACH DELETE n //", CARD, ANSWER, [NEAR])
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "A &amp; B" in page
    assert "say &#34;hi&#34;" in page
    assert not re.search(r"(?:src|href)=|url\(|https?://(?!www\.w3\.org)", page)


def test_the_picture_has_a_line_to_every_neighbour() -> None:
    near = [replace(NEAR, item_id=f"n{n}", score=float(9 - n)) for n in range(8)]
    picture = picture_of("i", CARD, near)
    assert len({(mark.x, mark.y) for mark in picture.neighbours}) == 8
    widths = [mark.width for mark in picture.neighbours]
    assert widths == sorted(widths, reverse=True)
    assert {mark.kind for mark in picture.neighbours} == {"text"}
    assert [mark.full for mark in picture.categories] == ["Home > Lamps"]
    svg = re.search(r"<svg.*?</svg>", item_page("i", CARD, ANSWER, near), re.DOTALL)
    assert svg is not None
    root = ET.fromstring(svg[0])
    assert len(root.findall("line")) == 8 + 8 + 1


def test_parts_that_add_fill_the_bar() -> None:
    page = item_page("i", CARD, ANSWER, [NEAR])
    shares = [float(share) for share in re.findall(r'style="width: ([\d.]+)%"', page)]
    assert sum(shares) == pytest.approx(100, abs=0.1)
    assert "trend -0.200" in page


def test_an_item_without_neighbours_has_a_page() -> None:
    page = item_page("i", {**CARD, "price": None}, ANSWER, [])
    assert "Nothing is like it yet" in page
    assert "<svg" not in page


def test_the_command_writes_it(served_home: tuple[Path, RefreshResult], tmp_path: Path) -> None:
    home, _ = served_home
    page = tmp_path / "item.html"
    assert run(["--home", str(home), "inspect", "item", "S0000", "--html", str(page), "-k", "5"]) == 0
    text = page.read_text("utf-8")
    assert text.count("<circle") == 6
    assert "shopper-" not in text
    assert run(["--home", str(home), "inspect", "item", "S0000", "--html", str(tmp_path)]) == 2
    assert run(["--home", str(home), "inspect", "item", "none", "--html", str(page)]) == 2


def test_shared_shoppers_are_told_in_words() -> None:
    one = Evidence(3, 5, {"PURCHASED": 5}, ("Lamps",), None)
    assert evidence_lines(one) == ["5 shoppers bought both", "both in Lamps"]
    two = replace(one, users=6, by_relation={"VIEWED": 4, "REVIEWED": 3})
    assert evidence_lines(two)[:3] == ["6 shoppers turned to both", "4 looked at both", "3 reviewed both"]
    between = Intermediate("x", "word " * 40, 4, 3)
    few = replace(one, users=None, by_relation={}, categories=(), intermediates=(between,))
    line = evidence_lines(few)[1]
    assert len(line) < 130
    assert line.endswith("… x (4 and 3 shoppers)")
