"""What training hands on to the rest of a refresh, kept so that a later stage that dies costs no training."""

from dataclasses import dataclass
from typing import Any

from gnn import FittedIlk
from gnn.checkpoints import Checkpoint, Checkpoints
from gnn.holdout import Holdout
from service.releases.writer import json_values

_NAME = "fitted"
_NEWEST = "holdout_newest"


@dataclass(frozen=True)
class Fitted:
    """A fitted model and what is said of it."""

    model: FittedIlk
    epochs: int
    holdout: Holdout
    text_coverage: dict[str, Any] | None
    """How the text model's vocabulary meets the shop's words; None where it has none."""


def keep_fitted(checkpoints: Checkpoints, fitted: Fitted) -> None:
    """Keep it; `kept_fitted` gives a model of the same bytes."""

    def make() -> Checkpoint:
        arrays, config = fitted.model.to_arrays()
        values = {
            "config": config,
            "epochs": fitted.epochs,
            "holdout": fitted.holdout.figures,
            "text_coverage": fitted.text_coverage,
        }
        return Checkpoint({**arrays, _NEWEST: fitted.holdout.newest}, json_values(values))

    checkpoints.save(_NAME, make, final=True)


def kept_fitted(checkpoints: Checkpoints) -> Fitted | None:
    """The model of a refresh that was interrupted after training; None where it had not come so far."""
    kept = checkpoints.load(_NAME)
    if kept is None or _NEWEST not in kept.arrays:  # of an older make
        return None
    values = kept.values
    arrays = {name: array for name, array in kept.arrays.items() if name != _NEWEST}
    model = FittedIlk.from_arrays(arrays, values["config"])
    holdout = Holdout(values["holdout"], kept.arrays[_NEWEST])
    return Fitted(model, values["epochs"], holdout, values["text_coverage"])
