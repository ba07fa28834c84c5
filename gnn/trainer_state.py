"""A training run between two epochs, as plain arrays: weights, optimiser, random numbers, best epoch."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from gnn.checkpoints import Checkpoint
from gnn.trained import Trained
from gnn.trained_weights import TrainedWeights

_MODEL, _OPTIMISER, _BEST, _WEIGHTS = "model.", "optimiser.", "best.", "best_weights."


@dataclass
class RunState:
    """Where a run stands."""

    epoch: int = 0
    """Epochs done."""
    best_score: float = -1.0
    best: Trained | None = None
    stopped: bool = False
    """Validation has not improved for too long."""


def to_checkpoint(
    state: RunState, model: nn.Module, optimiser: torch.optim.Optimizer, generator: torch.Generator
) -> Checkpoint:
    """Everything that the epochs to come depend on."""
    arrays: dict[str, npt.NDArray[Any]] = {"generator": generator.get_state().numpy()}
    for name, value in model.state_dict().items():
        arrays[_MODEL + name] = value.cpu().numpy()
    for number, slots in optimiser.state_dict()["state"].items():
        for name, value in slots.items():
            arrays[f"{_OPTIMISER}{number}.{name}"] = value.cpu().numpy()
    values: dict[str, Any] = {
        "epoch": state.epoch,
        "best_score": state.best_score,
        "stopped": state.stopped,
        "best": None,
    }
    if state.best is not None:
        kept = {one.name: getattr(state.best, one.name) for one in fields(Trained)}
        weights: TrainedWeights = kept.pop("weights")
        arrays |= {_WEIGHTS + name: value for name, value in weights.to_arrays().items()}
        arrays |= {_BEST + name: value for name, value in kept.items() if isinstance(value, np.ndarray)}
        values["best"] = {name: value for name, value in kept.items() if not isinstance(value, np.ndarray)}
    return Checkpoint(arrays, values)


def from_checkpoint(
    kept: Checkpoint, model: nn.Module, optimiser: torch.optim.Optimizer, generator: torch.Generator
) -> RunState:
    """Put model, optimiser and generator where they were; returns where the run stood.

    Raises `ValueError` or `RuntimeError` where the checkpoint is of another model.
    """
    arrays = kept.arrays
    model.load_state_dict(
        {name: torch.tensor(value) for name, value in _below(_MODEL, arrays).items()}, strict=True
    )
    slots: dict[int, dict[str, Tensor]] = {}
    for name, value in _below(_OPTIMISER, arrays).items():
        number, _, slot = name.partition(".")
        slots.setdefault(int(number), {})[slot] = torch.tensor(value)
    optimiser.load_state_dict({**optimiser.state_dict(), "state": slots})
    generator.set_state(torch.tensor(arrays["generator"]))
    best: dict[str, Any] | None = kept.values["best"]
    return RunState(
        epoch=kept.values["epoch"],
        best_score=kept.values["best_score"],
        best=None if best is None else _best(arrays, best),
        stopped=kept.values["stopped"],
    )


def _best(arrays: Mapping[str, npt.NDArray[Any]], values: dict[str, Any]) -> Trained:
    weights = TrainedWeights.from_arrays(_below(_WEIGHTS, arrays))
    return Trained(**{**_below(_BEST, arrays), **values, "weights": weights})


def _below(prefix: str, arrays: Any) -> dict[str, npt.NDArray[Any]]:
    return {name.removeprefix(prefix): value for name, value in arrays.items() if name.startswith(prefix)}
