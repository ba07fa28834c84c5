"""Whether a load's events name the items of its catalogue: ids that are spelled apart never meet."""

import numpy as np
import numpy.typing as npt
import polars as pl

_MANY = 0.5
"""Share of events from which a person is told."""


class NamedItems:
    """Items that a load's catalogue tells, 8 bytes each, and how many of its events name others."""

    def __init__(self) -> None:
        self._told: list[npt.NDArray[np.uint64]] = []
        self._events = 0
        self._unknown = 0
        self._example = ""

    def tell(self, items: pl.DataFrame) -> None:
        """Items of the catalogue; all of them before any event."""
        self._told.append(items["item_id"].hash().to_numpy())

    def name(self, events: pl.DataFrame) -> None:
        """Count events."""
        if not self._told:
            return
        if len(self._told) > 1:
            self._told = [np.concatenate(self._told)]
        if not self._events:
            self._told = [np.unique(self._told[0])]
        known, asked = self._told[0], events["item_id"].hash().to_numpy()
        if not len(known):
            return
        place = np.minimum(np.searchsorted(known, asked), len(known) - 1)
        unknown = known[place] != asked
        self._events += len(asked)
        self._unknown += int(unknown.sum())
        if unknown.any() and not self._example:
            self._example = events["item_id"][int(unknown.argmax())]

    def note(self) -> str | None:
        """What a person should know, in one line; `None` where there is nothing."""
        if not self._unknown or self._unknown < _MANY * self._events:
            return None
        return (
            f"{self._unknown:,} of {self._events:,} events name items that the catalogue beside them lacks, "
            f"such as {self._example!r:.60}: ids are compared letter by letter (7 is not 7.0 or 007)"
        )
