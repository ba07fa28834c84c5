"""What a training step sees: batches of positive pairs and the negatives they share."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from gnn.histories import Histories
from gnn.shop_arrays import ShopArrays


@dataclass(frozen=True)
class Batch:
    """Indices of one step; every tensor int64."""

    user: Tensor
    """(b,) users ..."""
    item: Tensor
    """(b,) ... and the item of one of their events."""
    before: Tensor
    """(c,) items ..."""
    after: Tensor
    """(c,) ... and the next item of the same user."""
    negatives: Tensor
    """(n,) items drawn by (events + 1)^exponent from the catalogue."""
    block: int = 0
    """Block that all of `user` belong to, where the sampler was given blocks."""


class PairSampler:
    """Shuffles a shop's positive pairs into batches, anew in every epoch."""

    def __init__(
        self,
        shop: ShopArrays,
        histories: Histories,
        batch_size: int,
        negatives: int,
        generator: torch.Generator,
        popularity_exponent: float = 0.0,
        block: Tensor | None = None,
    ) -> None:
        """block: of each user, (n_users,), see `gnn.user_blocks`; `None`: a batch has any users."""
        self._block = block
        self.user = torch.tensor(shop.user)  # a copy: the shop may be read-only
        self.item = torch.tensor(shop.item)
        follows = (histories.user[1:] == histories.user[:-1]) & (histories.item[1:] != histories.item[:-1])
        self.before = torch.from_numpy(histories.item[:-1][follows])
        self.after = torch.from_numpy(histories.item[1:][follows])
        counts = torch.bincount(self.item, minlength=shop.n_items).double()
        self.rate = (counts + 1.0) ** popularity_exponent  # unseen items are negatives too
        self._batch_size = batch_size
        self.negatives = negatives
        self._generator = generator

    @property
    def steps(self) -> int:
        """Batches of one epoch."""
        return max(1, len(self.user) // self._batch_size)

    def epoch(self) -> Iterator[Batch]:
        """All pairs once, in random order; with blocks, every batch has the users of one."""
        events = torch.randperm(len(self.user), generator=self._generator)
        follows = torch.randperm(len(self.before), generator=self._generator)
        event_parts = events.tensor_split(self.steps) if self._block is None else self._by_block(events)
        follow_parts = follows.tensor_split(len(event_parts))
        for event_part, follow_part in zip(event_parts, follow_parts, strict=True):
            yield Batch(
                block=0 if self._block is None else int(self._block[self.user[event_part[0]]]),
                user=self.user[event_part],
                item=self.item[event_part],
                before=self.before[follow_part],
                after=self.after[follow_part],
                negatives=torch.multinomial(
                    self.rate, self.negatives, replacement=True, generator=self._generator
                ),
            )

    def _by_block(self, events: Tensor) -> list[Tensor]:
        """Batches of about the usual size, each of one block, in random order."""
        assert self._block is not None
        block = self._block[self.user[events]]
        order = torch.argsort(block, stable=True)
        parts = [
            part
            for own in events[order].split(torch.bincount(block).tolist())
            if len(own)
            for part in own.tensor_split(max(1, round(len(own) / self._batch_size)))
        ]
        turns = torch.randperm(len(parts), generator=self._generator)
        return [parts[turn] for turn in turns.tolist()]
