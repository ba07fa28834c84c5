"""Review texts of a graph that does not keep them: read from the event log."""

from collections.abc import Iterable

import polars as pl

from graph.frames import REVIEW_TEXT_SCHEMA
from graph.log import EventLog
from graph.store import EdgeBlock


def texts_from_log(log: EventLog, blocks: Iterable[EdgeBlock], since: int) -> pl.DataFrame:
    """Texts of the log's events whose edge is in the graph; frame of `REVIEW_TEXT_SCHEMA`.

    blocks: the graph's edges from `since` on: they know the items' numbers, and what was deleted.
    """
    edges = [_columns(block) for block in blocks]
    if not edges:
        return pl.DataFrame(schema=REVIEW_TEXT_SCHEMA)
    numbered = pl.concat(edges)
    has_text = pl.col("review_text").fill_null("") != ""
    texts = [batch.filter(has_text).select("seq", "review_text", "helpful") for batch in log.batches(since)]
    if not texts:
        return pl.DataFrame(schema=REVIEW_TEXT_SCHEMA)
    found = numbered.join(pl.concat(texts), on="seq", how="inner", maintain_order="left")
    return found.select(list(REVIEW_TEXT_SCHEMA))


def _columns(block: EdgeBlock) -> pl.DataFrame:
    columns = {name: getattr(block, name) for name in ("seq", "item", "rating", "at")}
    return pl.DataFrame(columns).with_columns(pl.col("rating").fill_nan(None))
