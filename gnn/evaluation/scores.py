"""Figures of single test cases: what means, deviations and intervals are made of."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gnn.evaluation.errors import UnfitData
from gnn.evaluation.metrics import Values
from gnn.shop_arrays import IntArray

Path = tuple[str, ...]
"""Where a slice stands in the result, e.g. `("links", "also_buy", "warm")`."""

MIN_CASES = 150
"""Slices with fewer cases are shown but decide nothing."""


@dataclass(frozen=True)
class SliceScores:
    """One model on one slice of test cases."""

    path: Path
    values: Mapping[str, Values]
    """Metric -> figure of each case, shape (m,), m >= 1."""
    cluster: IntArray
    """User (for links: query item) of each case; cases of one cluster are not independent; (m,)"""

    def __post_init__(self) -> None:
        if not len(self.cluster):
            raise UnfitData(f"slice {self.path} has no cases")
        for metric, values in self.values.items():
            if len(values) != len(self.cluster):
                raise UnfitData(f"{metric} has {len(values)} values for {len(self.cluster)} cases")

    @property
    def n(self) -> int:
        """Number of cases."""
        return len(self.cluster)

    def means(self) -> dict[str, float]:
        """Metric -> mean over the cases."""
        return {metric: float(values.mean()) for metric, values in self.values.items()}

    def where(self, path: Path, mask: npt.NDArray[np.bool_]) -> "SliceScores":
        """Some of the cases, as another slice."""
        return SliceScores(path, {name: v[mask] for name, v in self.values.items()}, self.cluster[mask])
