"""Training of the embeddings: epochs, steps, early stopping."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gnn.embedding_model import EmbeddingConfig, EmbeddingModel, ModelGraph
from gnn.histories import Histories
from gnn.losses import sampled_softmax
from gnn.sampling import Batch, PairSampler
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays

EpochFn = Callable[[int, int], None]
"""Called with (epochs done, epochs in all)."""


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
    """`cpu` or `cuda`."""

    def epochs(self, n_events: int) -> int:
        """Longest run for a shop of that size."""
        return int(np.clip(self.work / max(n_events, 1), self.min_epochs, self.max_epochs))

    def batch(self, n_events: int) -> int:
        """Batch size for a shop of that size."""
        return min(self.batch_size, max(self.min_batch_size, n_events // 8))


@dataclass(frozen=True)
class Trained:
    """Outcome of a training run, on the CPU."""

    items: FloatArray
    """Unit length, (n_items, dim)."""
    user_side: FloatArray
    """What an item adds to a user's vector, (n_items, dim)."""
    epochs: int
    """Epochs after which validation was best (without validation: all)."""


@dataclass(frozen=True)
class ValidationPairs:
    """Later pairs by which early stopping judges."""

    query: IntArray
    """(p,)."""
    target: IntArray
    """(p,)."""

    def ndcg(self, items: FloatArray) -> float:
        """Mean NDCG@100 of the targets by cosine, over the whole catalogue."""
        total = 0.0
        for start in range(0, len(self.query), 512):
            query, target = self.query[start : start + 512], self.target[start : start + 512]
            scores = items[query] @ items.T
            scores[np.arange(len(query)), query] = -np.inf
            rank = (scores > scores[np.arange(len(query)), target][:, None]).sum(axis=1)
            total += float(np.where(rank < 100, 1 / np.log2(rank + 2.0), 0.0).sum())
        return total / max(len(self.query), 1)


def batch_loss(users: Tensor, items: Tensor, batch: Batch, temperature: float) -> Tensor:
    """Sampled softmax of user-item pairs plus that of consecutive items; a scalar."""
    negatives = items.index_select(0, batch.negatives)
    loss = sampled_softmax(
        users.index_select(0, batch.user), items.index_select(0, batch.item), negatives, temperature
    )
    if len(batch.before):
        before, after = items.index_select(0, batch.before), items.index_select(0, batch.after)
        loss = loss + sampled_softmax(before, after, negatives, temperature)
    return loss


class Trainer:
    """Trains one `EmbeddingModel` on one shop."""

    def __init__(
        self,
        shop: ShopArrays,
        histories: Histories,
        graph: ModelGraph,
        model_config: EmbeddingConfig,
        config: TrainingConfig,
        seed: int,
    ) -> None:
        self._config = config
        self._device = torch.device(config.device)
        self._generator = torch.Generator().manual_seed(seed)
        self._graph = graph.to(self._device)
        self.model = EmbeddingModel(graph, model_config, self._generator).to(self._device)
        self._sampler = PairSampler(
            shop,
            histories,
            config.batch(shop.n_events),
            config.negatives,
            self._generator,
            config.popularity_exponent,
        )
        self._optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )

    def step(self, batch: Batch) -> float:
        """One gradient step; returns the loss before it."""
        self._optimiser.zero_grad(set_to_none=True)
        users, items = self.model(self._graph, self._kept())
        loss = batch_loss(users, items, _to(batch, self._device), self._config.temperature)
        loss.backward()
        self._optimiser.step()
        return float(loss.detach())

    def _kept(self) -> Tensor:
        """Residual factors: 0 for dropped items, the rest scaled up; (n_items, 1)."""
        share = self.model.config.residual_dropout
        kept = torch.rand(self._graph.n_items, 1, generator=self._generator) >= share
        return (kept / (1.0 - share)).to(self._device)

    def run_epoch(self) -> float:
        """One pass over all pairs; returns the mean loss."""
        losses = [self.step(batch) for batch in self._sampler.epoch()]
        return sum(losses) / len(losses)

    def embeddings(self) -> tuple[FloatArray, FloatArray]:
        """(items of unit length, what items add to users), each (n_items, dim)."""
        with torch.no_grad():
            _, items = self.model(self._graph)
            unit = functional.normalize(items, dim=1)
            user_side = self.model.user_side(self._graph)
        return unit.cpu().numpy(), user_side.cpu().numpy()

    def run(
        self, epochs: int, validation: ValidationPairs | None = None, progress: EpochFn | None = None
    ) -> Trained:
        """Train for `epochs`; with validation pairs, stop early and return the best-ranking epoch."""
        best_score, best = -1.0, None
        interval = max(1, epochs // self._config.checks)
        for epoch in range(1, epochs + 1):
            self.run_epoch()
            if validation is not None and (epoch % interval == 0 or epoch == epochs):
                now = Trained(*self.embeddings(), epoch)
                score = validation.ndcg(now.items)
                if score > best_score:
                    best_score, best = score, now
                elif best is not None and epoch - best.epochs >= self._config.patience * interval:
                    break
            if progress is not None:
                progress(epoch, epochs)
        if progress is not None:
            progress(epochs, epochs)
        return best or Trained(*self.embeddings(), epochs)


def _to(batch: Batch, device: torch.device) -> Batch:
    return Batch(
        batch.user.to(device),
        batch.item.to(device),
        batch.before.to(device),
        batch.after.to(device),
        batch.negatives.to(device),
    )
