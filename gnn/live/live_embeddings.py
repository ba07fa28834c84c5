"""Item embeddings while events come in: what one user's changed history does to their items.

With w the weight of an edge and d the degrees, an item is

    e_a = x_a + 1/sqrt(d_a) * sum over its users u of w_ua / d_u * s_u
    s_u = sum over b of w_ub x_b / sqrt(d_b)

A changed user replaces their own term in every item of their history. The degrees of these items change s of
other users too; that second hop waits for the full recomputation.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from gnn.histories import Histories
from gnn.item_propagation import column_sums
from gnn.shop_arrays import FloatArray, IntArray
from gnn.sparse_rows import Csr, row_sums, scaled
from gnn.text_space import unit_rows

FOLDED_LAYERS = 2
"""The formula above; a network of other depth waits for the full recomputation (except depth 0 and 1)."""


@dataclass
class LiveEmbeddings:
    """Changes in place. Memory: 4 x d bytes a user and 8 x d bytes an item."""

    layers: int
    x: FloatArray
    """Layer 0, (n_items, d)."""
    degree: FloatArray
    """Of the items, (n_items,)."""
    user_sums: FloatArray
    """s, (n_users, d)."""
    received: FloatArray
    """Sum over the users of each item of w / d_u s_u, (n_items, d)."""

    @classmethod
    def of(cls, x: FloatArray, interactions: Csr, layers: int) -> "LiveEmbeddings":
        """From layer 0 and all interactions, (n_users, n_items)."""
        degree = column_sums(interactions)
        users = row_sums(interactions)
        sums = interactions @ (x * _inverse_root(degree)[:, None])
        share = scaled(interactions, rows=(1.0 / np.where(users > 0, users, 1.0)).astype(np.float32))
        return cls(layers, x.copy(), degree, sums, share.T.tocsr() @ sums)

    def copy(self) -> "LiveEmbeddings":
        """An independent copy."""
        arrays = (self.x, self.degree, self.user_sums, self.received)
        return LiveEmbeddings(self.layers, *(a.copy() for a in arrays))

    def grow(self, n_users: int, n_items: int) -> None:
        """Make room; new rows are zero."""
        self.x, self.received = _grown(self.x, n_items), _grown(self.received, n_items)
        self.degree, self.user_sums = _grown(self.degree, n_items), _grown(self.user_sums, n_users)

    def fold(self, users: IntArray, before: Histories, after: Histories) -> None:
        """Some users' whole histories have changed."""
        old, new = _strongest(before), _strongest(after)
        self._add(old, self.user_sums[users], -1.0)
        self.degree += column_sums(new) - column_sums(old)
        named = np.unique(new.indices)
        narrow = sparse.csr_array(
            (new.data, np.searchsorted(named, new.indices), new.indptr), shape=(len(users), len(named))
        )
        self.user_sums[users] = narrow @ (self.x[named] * _inverse_root(self.degree[named])[:, None])
        self._add(new, self.user_sums[users], 1.0)

    def _add(self, interactions: Csr, sums: FloatArray, sign: float) -> None:
        """Add (or take away) what some users give to the items of their histories."""
        total = row_sums(interactions)
        share = scaled(interactions, rows=(sign / np.where(total > 0, total, 1.0)).astype(np.float32))
        items = np.unique(share.indices)
        narrow = sparse.csr_array(
            (share.data, np.searchsorted(items, share.indices), share.indptr), shape=(len(sums), len(items))
        )
        self.received[items] += narrow.T.tocsr() @ sums

    def rows(self, rows: IntArray) -> tuple[FloatArray, FloatArray]:
        """(unit vectors, what the items add to users) of some items, each (m, d)."""
        x = self.x[rows]
        side = x / np.sqrt(np.maximum(self.degree[rows], np.float32(1.0)))[:, None]
        if self.layers >= FOLDED_LAYERS:
            x = x + self.received[rows] * _inverse_root(self.degree[rows])[:, None]
        return unit_rows(x), side.astype(np.float32)

    @property
    def exact(self) -> bool:
        """Whether the formula is that of the network's depth."""
        return self.layers <= FOLDED_LAYERS


def _strongest(histories: Histories) -> Csr:
    """Strongest weight of each (user, item), (n_users, n_items)."""
    order = np.lexsort((histories.weight, histories.item, histories.user))
    user, item, weight = histories.user[order], histories.item[order], histories.weight[order]
    last = np.ones(len(user), np.bool_)
    last[:-1] = (user[1:] != user[:-1]) | (item[1:] != item[:-1])
    counts = np.bincount(user[last], minlength=histories.n_users)
    indptr = np.concatenate([[0], np.cumsum(counts)])
    shape = (histories.n_users, histories.n_items)
    return sparse.csr_array((weight[last], item[last], indptr), shape=shape)


def _grown(values: FloatArray, n: int) -> FloatArray:
    if n <= len(values):
        return values
    grown = np.zeros((n, *values.shape[1:]), values.dtype)
    grown[: len(values)] = values
    return grown


def _inverse_root(sums: FloatArray) -> FloatArray:
    return (1.0 / np.sqrt(np.where(sums > 0, sums, 1.0))).astype(np.float32)
