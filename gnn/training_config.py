"""How the network is trained; apart from the trainer, so that serving need not import torch."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np


class Loader(StrEnum):
    """What a training step propagates over."""

    GRAPH = "graph"
    """The whole graph, or two blocks of its users where it is large."""
    LINKS = "links"
    """The sampled neighbourhood of the step's own pairs, by PyG's `LinkLoader`."""


@dataclass(frozen=True)
class TrainingConfig:
    """How long and how fast to learn. Budgets are counted in steps, never in seconds."""

    temperature: float = 0.15
    """Of the softmax, in cosine units."""
    learning_rate: float = 3e-3
    """Of AdamW."""
    weight_decay: float = 1e-4
    """Of AdamW."""
    batch_size: int = 4096
    """Events of a step at most; small shops take an eighth of their events, at least `min_batch_size`."""
    min_batch_size: int = 256
    """Lower end of the batch size."""
    most_steps: int = 256
    """Steps of an epoch. Each propagates over the graph: with a fixed batch an epoch would grow as the square
    of the events, so beyond a million the batch grows instead, past `batch_size`."""
    block_edges: int = 1_000_000
    """Beyond twice as many edges a step propagates over two blocks of about so many, see `gnn.user_blocks`;
    smaller graphs are propagated over whole."""
    loader: Loader = Loader.GRAPH
    """`links` bounds what a step touches, not what an epoch costs: see docs/model.md before it is chosen."""
    link_fan_out: tuple[int, int] = (10, 10)
    """With `links`: sampled (users of an item, items of a user)."""
    negatives: int = 1024
    """Items that all pairs of a step share as negatives."""
    popularity_exponent: float = 0.0
    """Negatives are drawn by (events + 1)^exponent."""
    work: float = 1.2e6
    """Epochs = work / events, within `min_epochs` and `max_epochs`: large shops see each event less often."""
    min_epochs: int = 10
    """Lower end of the number of epochs."""
    max_epochs: int = 40
    """Upper end of the number of epochs."""
    checks: int = 9
    """How often in a run the validation is looked at."""
    patience: int = 3
    """Looks without a better ranking after which training stops."""
    device: str = "cpu"
    """`cpu` or `cuda`; on a GPU the loss is computed in bfloat16."""

    def __post_init__(self) -> None:
        """Settings come as plain strings and lists."""
        object.__setattr__(self, "loader", Loader(self.loader))
        fan_out: object = self.link_fan_out
        if not isinstance(fan_out, list | tuple) or len(fan_out) != 2 or any(map(_is_no_fan_out, fan_out)):
            raise ValueError(
                "training.link_fan_out: (users of an item, items of a user), each a whole number, "
                f"-1 (all) or more than 0, not {fan_out!r}"
            )
        object.__setattr__(self, "link_fan_out", tuple(fan_out))

    def epochs(self, n_events: int) -> int:
        """Longest run for a shop of that size."""
        return int(np.clip(self.work / max(n_events, 1), self.min_epochs, self.max_epochs))

    def blocks(self, n_edges: int) -> int:
        """Blocks of users for a graph with so many user-item edges; 1: the graph stays whole."""
        if self.loader is Loader.LINKS:
            return 1
        return 1 if n_edges <= 2 * self.block_edges else -(-n_edges // self.block_edges)

    def batch(self, n_events: int) -> int:
        """Batch size for a shop of that size."""
        batch = min(self.batch_size, max(self.min_batch_size, n_events // 8))
        return max(batch, -(-n_events // self.most_steps))


def _is_no_fan_out(value: object) -> bool:
    return isinstance(value, bool) or not isinstance(value, int) or value == 0 or value < -1
