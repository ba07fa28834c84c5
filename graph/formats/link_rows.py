"""Raw rows -> item-item links of `LINK_SCHEMA`."""

import polars as pl

from graph.formats.fields import LinkFields
from graph.formats.raw_batch import RawBatch
from graph.formats.shop_reader import Batch
from graph.formats.verdicts import Verdicts
from graph.frames import LINK_SCHEMA


def link_batch(file: str, raw: RawBatch, fields: LinkFields, missing: frozenset[str] = frozenset()) -> Batch:
    """Apply the rules of the domain to a batch of links; repeats within the batch go into one."""
    read = len(raw) + raw.unread
    if not len(raw):
        return Batch(file, pl.DataFrame(schema=LINK_SCHEMA), read, list(raw.problems))
    verdicts = Verdicts(raw)
    columns = {}
    for name, field in fields.named().items():
        columns[name] = verdicts.identifier(field, missing)
    frame = pl.DataFrame(columns).select(list(LINK_SCHEMA)).filter(pl.Series(verdicts.kept))
    unique = frame.unique(maintain_order=True)
    problems = [*raw.problems, *verdicts.rejections(file)]
    return Batch(file, unique, read, problems, duplicates=frame.height - unique.height)
