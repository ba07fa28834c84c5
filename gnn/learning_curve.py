"""What each epoch of a training run came to."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class EpochFigures:
    """One epoch."""

    stage: str
    """`embeddings`: learned from the older events, judged on the newest; `final embeddings`: from all."""
    epoch: int
    """1-based."""
    loss: float
    """Mean of the steps, nats."""
    ndcg: float | None = None
    """NDCG@100 of the validation pairs by cosine; None where the epoch was not judged."""


EpochLog = Callable[[EpochFigures], None]
"""Called after every epoch that was run; epochs that an interrupted run had done come not again."""
