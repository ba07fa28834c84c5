"""Cleaning of texts, categories and prices."""

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.category import Category
from graph.clean_category import MAX_LEVELS, category_paths, paths_of
from graph.clean_price import price_columns, price_of
from graph.clean_text import clean_texts
from graph.cleaning import CleaningRules

RULES = CleaningRules(max_title_chars=40, max_text_chars=60)


def cleaned(text: str, rules: CleaningRules = RULES, *, title: bool = False) -> tuple[str | None, set[str]]:
    """One text and the rules that touched it."""
    texts, touched = clean_texts(pl.Series([text]), rules, title=title, short=title)
    return texts[0], {reason for reason, mask in touched.items() if mask[0]}


@pytest.mark.parametrize(
    ("text", "clean", "touched"),
    [
        ("plain", "plain", set()),
        ("Arts &amp; Crafts", "Arts & Crafts", {"html_entities"}),
        ("AT&T; R&D", "AT&T; R&D", set()),
        ("a <b>bold</b>move<br/>", "a bold move", {"html_tags", "whitespace"}),
        ("&lt;p&gt;x&lt;/p&gt;", "x", {"html_entities", "html_tags", "whitespace"}),
        ("<script>alert(1)</script>Foo", "Foo", {"html_tags", "whitespace"}),
        ("I <3 you, 5 < 6 > 4", "I <3 you, 5 < 6 > 4", set()),
        (" two\n lines\t", "two lines", {"whitespace"}),
        ("e\u0301", "é", {"unicode_form"}),
        ("a\x00b", "a b", {"control_characters"}),
        ("   ", None, {"whitespace"}),
        ("x" * 61, "x" * 60, {"text_cut"}),
    ],
)
def test_texts(text: str, clean: str | None, touched: set[str]) -> None:
    assert cleaned(text) == (clean, touched)


@pytest.mark.parametrize(
    "title",
    [
        '<span class="a-size-medium a-color-secondary"',
        "<span class='x'></span>",
        "<div",
        "function foo() { return 1 }",
        "var x = 5;",
        ".a-box-inner{background-color:#fff}",
        "&lt;span&gt;",
    ],
)
def test_titles_that_are_markup_or_script_are_blanked(title: str) -> None:
    text, touched = cleaned(title, title=True)
    assert text is None
    assert "html_title" in touched


@pytest.mark.parametrize(
    "title", ["Let it = Be", "The {Walking} Dead", "T-shirt {size: L}", "Windows 95 < XP", "Var. 2 = red"]
)
def test_titles_that_only_look_odd_stay(title: str) -> None:
    assert cleaned(title, title=True) == (title, set())


def test_a_tagged_title_keeps_its_words() -> None:
    assert cleaned("<b>Lamp</b>", title=True) == ("Lamp", {"html_tags", "whitespace"})
    assert cleaned(' Magazines" />', title=True) == ("Magazines", {"html_tags", "whitespace"})


def test_every_rule_can_be_switched_off() -> None:
    off = CleaningRules(
        unescape_html=False,
        strip_tags=False,
        blank_markup_titles=False,
        collapse_whitespace=False,
        compose_unicode=False,
    )
    text = " <b>e\u0301 &amp;</b>"
    assert cleaned(text, off, title=True) == (text, set())
    with pytest.raises(ValueError, match="at least one character"):
        CleaningRules(max_title_chars=0)


@given(st.lists(st.none() | st.text(st.characters(codec="utf-8"), max_size=40)))
def test_cleaning_twice_changes_nothing_but_markup_that_appears(texts: list[str | None]) -> None:
    column = pl.Series(texts, dtype=pl.String)
    once, touched = clean_texts(column, CleaningRules(unescape_html=False), title=True)
    again, touched_again = clean_texts(once, CleaningRules(unescape_html=False), title=True)
    if not any("<" in (t or "") for t in once):
        assert again.to_list() == once.to_list()
        assert not touched_again
    untouched = ~pl.Series(
        [any(mask[row] for mask in touched.values()) for row in range(len(column))], dtype=pl.Boolean
    )
    kept = [t or None for t, same in zip(texts, untouched, strict=True) if same]
    assert once.filter(untouched).to_list() == kept


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("A > B > C", ["A > B > C"]),
        ("A>B", ["A > B"]),
        ("A", ["A"]),
        ("Cables/Adapters & More", ["Cables/Adapters & More"]),
        ('["A", "B", "C"]', ["A > B > C"]),
        ("['A', 'B']", ["A > B"]),
        ('["A > B", "C > D > E"]', ["C > D > E", "A > B"]),
        ('[["A", "B"], ["C"], ["A", "B"]]', ["A > B", "C"]),
        ("Arts &amp; Crafts > </span>", ["Arts & Crafts"]),
        ('{"name": "A > B", "id": 7}', ["A > B"]),
        ('[{"name": "A", "slug": "a"}, {"name": "B"}, {"slug": "c"}]', ["A", "B"]),
        ("[{'name': 'A'}]", ["A"]),
        ('[["A", {"name": "B"}]]', ["A > B"]),
        ('{"en": "A"}', ['{"en": "A"}']),
        ("[]", []),
        ("[not a list", ["[not a list"]),
        (" > ", []),
    ],
)
def test_categories(text: str, paths: list[str]) -> None:
    assert paths_of(text) == paths
    found, cut = category_paths(pl.Series([text, None, text]))
    assert found.to_list() == [paths, [], paths]
    assert not cut.any()


@pytest.mark.parametrize(
    "text",
    [
        " > ".join(f"L{level}" for level in range(40)),
        json.dumps([[f"L{level}" for level in range(2000)]]),
        " > ".join("ấ" * 200 for _ in range(12)),  # few characters, many bytes
        "😀" * 5000,
    ],
)
def test_categories_that_no_store_takes_are_cut_and_told(text: str) -> None:
    found, cut = category_paths(pl.Series([text, "A > B"]))
    assert cut.to_list() == [True, False]
    for path in found[0]:
        assert path == Category(path).path
        assert path.count(" > ") < MAX_LEVELS


def test_a_tree_of_thirty_levels_stays_whole() -> None:
    path = " > ".join(f"L{level}" for level in range(30))
    assert paths_of(path) == [path]


def test_no_categories_of_nothing() -> None:
    found, cut = category_paths(pl.Series([], dtype=pl.String))
    assert not len(found)
    assert not len(cut)


def test_several_categories_in_one_text() -> None:
    assert paths_of("Comedy|Drama|", "|") == ["Comedy", "Drama"]


@pytest.mark.parametrize(
    ("text", "price"),
    [
        ("$12.99", (12.99, "USD")),
        ("1.299,00 €", (1299.0, "EUR")),
        ("US$ 1,299.00", (1299.0, "USD")),
        ("CA$5", (5.0, "CAD")),
        ("12,99", (12.99, None)),
        ("1 299,00 kr", (1299.0, None)),
        ("$12.99 - $15.99", (12.99, "USD")),
        ("209.000đ", (209000.0, "VND")),
        ("EUR 3", (3.0, "EUR")),
        ("1,234,567", (1234567.0, None)),
        ("free", (None, None)),
        ("-5 €", (None, None)),
        (".a-box-inner{background-color:#fff}#alohaBuyBoxWidget .selected{color:#fffbf3}", (None, None)),
    ],
)
def test_prices_in_words(text: str, price: tuple[float | None, str | None]) -> None:
    assert price_of(text) == price


def test_price_columns() -> None:
    prices, currencies, bad = price_columns(pl.Series(["1.5", " ", None, "x", "-3", "$2", "inf"]))
    assert prices.to_list() == [1.5, None, None, None, None, 2.0, None]
    assert currencies.to_list() == [None, None, None, None, None, "USD", None]
    assert bad.to_list() == [False, False, False, True, True, False, True]
    prices, _, bad = price_columns(pl.Series([1.5, float("nan"), -1.0]))
    assert prices.to_list() == [1.5, None, None]
    assert bad.to_list() == [False, True, True]


@given(st.text(max_size=70))
def test_any_text_is_a_price_or_none(text: str) -> None:
    number, currency = price_of(text)
    assert number is None or number >= 0
    assert currency is None or len(currency) == 3
