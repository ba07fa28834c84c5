"""Outcome of a training run."""

from dataclasses import dataclass

from gnn.shop_arrays import FloatArray
from gnn.trained_weights import TrainedWeights


@dataclass(frozen=True)
class Trained:
    """Outcome of a training run, on the CPU. Fields are arrays, weights, or values that JSON knows
    (checkpoints)."""

    items: FloatArray
    """Unit length, (n_items, dim)."""
    user_side: FloatArray
    """What an item adds to a user's vector, (n_items, dim)."""
    weights: TrainedWeights
    """What the vectors come from."""
    epochs: int
    """Epochs after which validation was best (without validation: all)."""
