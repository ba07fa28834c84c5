"""An item's text seen twice: everything about it, and its own words alone; one vector of both.

Brand and categories say what an item is filed under and pull the vectors of a whole shelf together; the
title and the first words of the description tell what sets it apart. The mean of both vectors ranks what a
shop links to an item better than either, and has the length of one.
"""

from collections.abc import Sequence

import polars as pl

from encoders.item_text import ITEM_TEXT_COLUMNS, item_text

OWN_WORDS_LETTERS = 200
"""Letters of a description that count in the second view: what the item is comes first, then how it ships."""
VIEW_SEPARATOR = "\n"
"""Between two views; no view holds it, because runs of white space become one blank."""


def item_views(
    title: str | None,
    brand: str | None = None,
    categories: Sequence[str] | None = None,
    description: str | None = None,
) -> str:
    """`item_text`, and for an item with a description a second line: title and first words alone."""
    whole = item_text(title, brand, categories, description)
    if not (description or "").strip():
        return whole
    own = item_text(title, description=description, description_letters=OWN_WORDS_LETTERS)
    return whole if own == whole else f"{whole}{VIEW_SEPARATOR}{own}"


def item_views_of(items: pl.DataFrame) -> list[str]:
    """`item_views` of each row of a frame with the columns of `ITEM_TEXT_COLUMNS`; nulls count as empty.

    Raises polars' `ColumnNotFoundError`.
    """
    return [item_views(*row) for row in items.select(ITEM_TEXT_COLUMNS).iter_rows()]
