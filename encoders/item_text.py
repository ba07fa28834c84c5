"""What an item's text is."""

from collections.abc import Iterable, Sequence

import polars as pl

DESCRIPTION_LETTERS = 400
"""Letters of a description that count. With title and brand that is about what an encoder reads at its
default length; the rest of a description repeats or is about shipping."""
CATEGORY_NAMES = 12
"""Names of categories that count: a path of five levels, or a film's genres; what lies in more is in all."""
ITEM_TEXT_COLUMNS = ("title", "brand", "categories", "description")


def item_texts(items: pl.DataFrame, description_letters: int = DESCRIPTION_LETTERS) -> list[str]:
    """The text of each row of a frame with the columns of `ITEM_TEXT_COLUMNS`; see `item_text`.

    `categories` is a list of paths per row; nulls count as empty. Raises polars' `ColumnNotFoundError`.
    """
    rows = items.select(ITEM_TEXT_COLUMNS).iter_rows()
    return [item_text(*row, description_letters=description_letters) for row in rows]


def item_text(
    title: str | None,
    brand: str | None = None,
    categories: Sequence[str] | None = None,
    description: str | None = None,
    *,
    description_letters: int = DESCRIPTION_LETTERS,
) -> str:
    """Title, brand, categories and description, in this order, joined by ". "; "" when all are empty.

    The title comes first because a long text is cut at its end. The brand is left out where the title
    contains it already. Of the categories every name is given once, path by path, without separators, at
    most `CATEGORY_NAMES` of them. Runs of white space become one blank. The description is cut at the last
    whole word within `description_letters`.
    """
    title_text = _squeezed(title)
    brand_text = _squeezed(brand)
    if f" {brand_text} ".casefold() in f" {title_text} ".casefold():
        brand_text = ""
    parts = (
        title_text,
        brand_text,
        _category_text(categories),
        _cut(_squeezed(description), description_letters),
    )
    return ". ".join(part for part in parts if part)


def _category_text(categories: Iterable[str | None] | None) -> str:
    """Names of all paths, each from the general to the special."""
    paths = [path or "" for path in categories or ()]
    names = dict.fromkeys(_squeezed(name) for path in paths for name in path.split(">"))
    return " ".join([name for name in names if name][:CATEGORY_NAMES])


def _squeezed(text: str | None) -> str:
    return " ".join(text.split()) if text else ""


def _cut(text: str, letters: int) -> str:
    if len(text) <= letters:
        return text
    head = text[:letters]
    return head if text[letters].isspace() else (head.rpartition(" ")[0] or head)
