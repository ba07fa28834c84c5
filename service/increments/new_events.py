"""The events that an increment is about."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from gnn.shop_arrays import IntArray
from service.errors import CallerMistake


@dataclass(frozen=True)
class NewEvents:
    """Events since the last increment: those to learn from, and by sequence number newer ones that judge."""

    learned: npt.NDArray[np.bool_]
    """Of all events, (E,)."""
    held: npt.NDArray[np.bool_]
    """Of all events, (E,)."""
    block: tuple[int, int]
    """Sequence numbers of the first and last event to learn from."""

    @classmethod
    def since(cls, sequence: IntArray, through: int, holdout_share: float) -> Self:
        """sequence: of all events, (E,). through: newest one that was learned from before. Raises
        `CallerMistake` for too few."""
        new = np.flatnonzero(sequence > through)
        new = new[np.argsort(sequence[new], kind="stable")]
        held = int(len(new) * holdout_share)
        if held < 1:
            raise CallerMistake(
                f"only {len(new)} events are new since the last increment; nothing to learn yet"
            )
        older, newer = new[: len(new) - held], new[len(new) - held :]
        masks = np.zeros((2, len(sequence)), np.bool_)
        masks[0, older] = masks[1, newer] = True
        return cls(masks[0], masks[1], (int(sequence[older].min()), int(sequence[older].max())))
