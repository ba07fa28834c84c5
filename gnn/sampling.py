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
    ) -> None:
        self._user = torch.tensor(shop.user)  # a copy: the shop may be read-only
        self._item = torch.tensor(shop.item)
        follows = (histories.user[1:] == histories.user[:-1]) & (histories.item[1:] != histories.item[:-1])
        self._before = torch.from_numpy(histories.item[:-1][follows])
        self._after = torch.from_numpy(histories.item[1:][follows])
        counts = torch.bincount(self._item, minlength=shop.n_items).double()
        self._rate = (counts + 1.0) ** popularity_exponent  # unseen items are negatives too
        self._batch_size = batch_size
        self._negatives = negatives
        self._generator = generator

    @property
    def steps(self) -> int:
        """Batches of one epoch."""
        return max(1, len(self._user) // self._batch_size)

    def epoch(self) -> Iterator[Batch]:
        """All pairs once, in random order."""
        events = torch.randperm(len(self._user), generator=self._generator)
        follows = torch.randperm(len(self._before), generator=self._generator)
        for event_part, follow_part in zip(
            events.tensor_split(self.steps), follows.tensor_split(self.steps), strict=True
        ):
            yield Batch(
                user=self._user[event_part],
                item=self._item[event_part],
                before=self._before[follow_part],
                after=self._after[follow_part],
                negatives=torch.multinomial(
                    self._rate, self._negatives, replacement=True, generator=self._generator
                ),
            )
