"""Event ids for rows that carry none: the same row gives the same id, in every process, on every machine."""

from hashlib import blake2b

import numpy as np
import polars as pl

DIGEST_BYTES = 16
"""128 bits: among 10^9 events the chance of one collision is about 10^-21."""

CANONICAL_FIELDS = (
    "anonymous",
    "user_id",
    "item_id",
    "event_type",
    "at",
    "rating",
    "quantity",
    "value",
    "review_text",
)
"""Two rows that agree in all of these are one event. `helpful` is none of them: votes for a
review grow between two exports."""


def event_ids(events: pl.DataFrame) -> pl.Series:
    """Hex blake2b-128 over the canonical fields of each row, as a String column `event_id`.

    events: a frame with the columns of `CANONICAL_FIELDS`, typed as in `EVENT_SCHEMA`. Ids go in with
    their length and numbers as bit patterns, so that no two different rows read alike.
    """
    bits = pl.DataFrame({name: _bits(events[name]) for name in ("rating", "quantity", "value")})
    spelled = events.select(
        pl.concat_str(
            [
                pl.when("anonymous").then(pl.lit("s")).otherwise(pl.lit("u")),
                pl.col("user_id").str.len_bytes(),
                pl.col("user_id"),
                pl.col("item_id").str.len_bytes(),
                pl.col("item_id"),
                pl.col("event_type"),
                pl.col("at"),
                bits["rating"],
                bits["quantity"],
                bits["value"],
                pl.when(pl.col("review_text").is_null())
                .then(pl.lit("-"))
                .otherwise("+" + pl.col("review_text")),
            ],
            separator="|",
        )
    ).to_series()
    digests = [blake2b(text.encode(), digest_size=DIGEST_BYTES).hexdigest() for text in spelled]
    return pl.Series("event_id", digests, dtype=pl.String)


def _bits(column: pl.Series) -> pl.Series:
    """Floats as the decimal text of their bit pattern: no library's way of printing floats can change it."""
    single = column.dtype == pl.Float32
    null = column.is_null()
    numbers = column.fill_null(0.0).to_numpy() + 0.0  # -0.0 + 0.0 is 0.0
    integers = np.ascontiguousarray(numbers).view(np.int32 if single else np.int64)
    text = pl.Series(column.name, integers).cast(pl.String)
    return pl.select(pl.when(null).then(pl.lit("-")).otherwise(text).alias(column.name)).to_series()
