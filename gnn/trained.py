"""Outcome of a training run."""

from dataclasses import dataclass

from gnn.shop_arrays import FloatArray


@dataclass(frozen=True)
class Trained:
    """Outcome of a training run, on the CPU. Fields are arrays, or values that JSON knows (checkpoints)."""

    items: FloatArray
    """Unit length, (n_items, dim)."""
    user_side: FloatArray
    """What an item adds to a user's vector, (n_items, dim)."""
    epochs: int
    """Epochs after which validation was best (without validation: all)."""
