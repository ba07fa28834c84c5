"""Texts of like length together, so that little is computed on padding."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt


def batches_by_length(lengths: npt.NDArray[np.int64], budget: int) -> Iterator[npt.NDArray[np.int64]]:
    """Positions of texts, longest texts first, in batches of at most `budget` tokens, padding included.

    lengths: tokens of each text, shape (n,). A text longer than the budget is a batch of its own.
    """
    order = np.argsort(-lengths, kind="stable")
    start = 0
    while start < len(order):
        longest = max(1, int(lengths[order[start]]))
        stop = start + max(1, budget // longest)
        yield order[start:stop]
        start = stop


def padded(rows: Sequence[Sequence[int]], pad_id: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """(token ids, mask) of shape (rows, longest row); the mask is 1 at tokens and 0 at padding."""
    longest = max(len(row) for row in rows)
    ids = np.full((len(rows), longest), pad_id, dtype=np.int64)
    mask = np.zeros((len(rows), longest), dtype=np.int64)
    for position, row in enumerate(rows):
        ids[position, : len(row)] = row
        mask[position, : len(row)] = 1
    return ids, mask
