"""What the first pass of a fit finds out, and how it is kept for a fit that goes on after an interruption."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gnn.checkpoints import Checkpoint, Checkpoints
from gnn.holdout import Holdout
from gnn.mix_config import Mix
from gnn.objective import Objective

_NAME = "choices"


@dataclass(frozen=True)
class Choices:
    """The second pass builds everything from all events with these."""

    epochs: int | None
    """None: nothing was trained."""
    mixes: dict[Objective, Mix]
    user_mix: Mix
    holdout: Holdout


def keep_choices(checkpoints: Checkpoints, chosen: Choices) -> None:
    """Keep them; a later `kept_choices` gives equal ones."""
    values: dict[str, Any] = {
        "epochs": chosen.epochs,
        "mixes": {objective.value: _plain(mix) for objective, mix in chosen.mixes.items()},
        "user_mix": _plain(chosen.user_mix),
        "holdout": chosen.holdout.figures,
    }
    arrays = {"newest": chosen.holdout.newest}
    checkpoints.save(_NAME, lambda: Checkpoint(arrays, values), final=True)


def kept_choices(checkpoints: Checkpoints) -> Choices | None:
    """What an interrupted fit had chosen; None where it had not come so far."""
    kept = checkpoints.load(_NAME)
    if kept is None or "newest" not in kept.arrays:  # of an older make
        return None
    values = kept.values
    holdout = Holdout(dict(values["holdout"]), kept.arrays["newest"])
    mixes = {Objective(name): dict(mix) for name, mix in values["mixes"].items()}
    return Choices(values["epochs"], mixes, dict(values["user_mix"]), holdout)


def _plain(mix: Mapping[str, float]) -> Mix:
    """Floats that JSON writes and reads without a loss."""
    return {name: float(weight) for name, weight in mix.items()}
