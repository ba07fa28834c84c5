"""What an item's text is."""

import polars as pl
import pytest

from encoders import ITEM_TEXT_COLUMNS, item_text, item_texts


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (("Pan", "Fissler", ["Kitchen > Pans"], "For eggs."), "Pan. Fissler. Kitchen Pans. For eggs."),
        (("Pan", None, None, None), "Pan"),
        (("", "Fissler", [], ""), "Fissler"),
        ((None, None, None, None), ""),
        (("Fissler pan", "fissler", ["Pans"], ""), "Fissler pan. Pans"),
        (("iPhone case", "ON", [], ""), "iPhone case. ON"),
        (("Pan", "", ["", "A > B > A", "C"], ""), "Pan. A B C"),
        ((" a \n\t b ", "", [" > "], " c\u00a0d "), "a b. c d"),
    ],
)
def test_order_and_gaps(
    fields: tuple[str | None, str | None, list[str] | None, str | None], text: str
) -> None:
    assert item_text(*fields) == text


def test_descriptions_are_cut_between_words() -> None:
    assert item_text("T", description="one two three", description_letters=7) == "T. one two"
    assert item_text("T", description="one two three", description_letters=9) == "T. one two"
    assert item_text("T", description="onetwothree", description_letters=4) == "T. onet"
    assert item_text("T", description="word " * 1000) == "T. " + " ".join(["word"] * 80)


def test_a_frame_gives_a_text_per_row() -> None:
    frame = pl.DataFrame(
        {
            "item_id": ["1", "2", "3"],
            "description": ["for eggs", None, ""],
            "title": ["Pan", "Pot", None],
            "brand": ["Fissler", None, ""],
            "categories": [["Kitchen > Pans", "Sale"], [], None],
        }
    )
    assert item_texts(frame) == ["Pan. Fissler. Kitchen Pans Sale. for eggs", "Pot", ""]
    assert item_texts(frame.clear()) == []
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        item_texts(frame.drop("brand"))
    assert set(ITEM_TEXT_COLUMNS) < set(frame.columns)
