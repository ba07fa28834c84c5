"""The best k of many scores, with ties decided."""

import numpy as np
import numpy.typing as npt

from index.vector_index import Ids, Scores


def top_k(scores: Scores, k: int) -> tuple[npt.NDArray[np.int64], Scores]:
    """Columns with the k largest scores of each row, best first, ties by ascending column.

    scores: (q, w). Returns columns and scores, each (q, min(k, w)).
    """
    width = scores.shape[1]
    if k >= width:
        return _ordered(np.broadcast_to(np.arange(width), scores.shape), scores)
    last = np.partition(scores, width - k, axis=1)[:, width - k, None]  # (q, 1): the k-th largest
    keep = scores >= last
    if bool((keep.sum(axis=1) > k).any()):  # more equal ones than places: the first columns win
        above = scores > last
        equal = scores == last
        keep = above | (equal & (np.cumsum(equal, axis=1) <= k - above.sum(axis=1, keepdims=True)))
    columns = np.nonzero(keep)[1].reshape(len(scores), k)
    return _ordered(columns, np.take_along_axis(scores, columns, axis=1))


def merged(ids_a: Ids, scores_a: Scores, ids_b: Ids, scores_b: Scores, k: int) -> tuple[Ids, Scores]:
    """The best k of two result lists over different rows, ties by ascending id; k >= 1."""
    ids = np.concatenate([ids_a, ids_b], axis=1)
    scores = np.concatenate([scores_a, scores_b], axis=1)
    ids, scores = by_score_then_id(ids, scores)
    return ids[:, :k], scores[:, :k]


def by_score_then_id(ids: Ids, scores: Scores) -> tuple[Ids, Scores]:
    """Each row sorted by descending score, ties by ascending id."""
    order = np.argsort(ids, axis=1, kind="stable")
    return _ordered(np.take_along_axis(ids, order, axis=1), np.take_along_axis(scores, order, axis=1))


def _ordered(columns: npt.NDArray[np.int64], scores: Scores) -> tuple[npt.NDArray[np.int64], Scores]:
    order = np.argsort(-scores, axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1), np.take_along_axis(scores, order, axis=1)
