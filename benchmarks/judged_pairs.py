"""How well the pairs that were asked for rank, counted as often as they were made or once each."""

from dataclasses import dataclass

import numpy as np

from gnn.evaluation.bootstrap import paired_intervals
from gnn.evaluation.metrics import Values
from gnn.shop_arrays import IntArray


@dataclass(frozen=True)
class Judged:
    """NDCG@10 of every pair that was asked for, whose it is and what it is."""

    values: Values
    user: IntArray
    query: IntArray
    target: IntArray

    @classmethod
    def joined(cls, parts: "list[Judged]") -> "Judged":
        """Those of several bases."""
        columns = zip(*((one.values, one.user, one.query, one.target) for one in parts), strict=True)
        return cls(*(np.concatenate(column) for column in columns))

    def figures(self) -> dict[str, float]:
        """Means over all pairs, and over different ones."""
        return {"every pair": float(self.values.mean()), "each pair once": float(self.once().values.mean())}

    def once(self) -> "Judged":
        """Each (query, target) once: the mean of its values, which are one where there was one base."""
        keys = np.stack([self.query, self.target])
        pairs, first, place = np.unique(keys, axis=1, return_index=True, return_inverse=True)
        place = place.ravel()
        values = np.bincount(place, weights=self.values) / np.bincount(place)
        return Judged(values, self.user[first], pairs[0], pairs[1])

    def against(self, other: "Judged") -> dict[str, list[float]]:
        """Share of the other's mean by which this one is better: difference and its 95 % interval; users are
        resampled for every pair, targets for different ones, for those of one target move together."""
        found = {}
        for name, ours, theirs, cluster in (
            ("every pair", self, other, self.user),
            ("each pair once", self.once(), other.once(), self.once().target),
        ):
            difference = (ours.values - theirs.values)[None, :]
            interval = paired_intervals(difference, cluster, np.random.default_rng(0))[0]
            base = float(theirs.values.mean())
            found[name] = [round(one / base, 4) for one in (interval.difference, interval.low, interval.high)]
        return found
