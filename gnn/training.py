"""Training of the embeddings: epochs, steps, early stopping."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gnn.checkpoints import Checkpoints, NoCheckpoints
from gnn.embedding_config import EmbeddingConfig
from gnn.embedding_model import EmbeddingModel, ModelGraph
from gnn.histories import Histories
from gnn.learning_curve import EpochFigures, EpochLog
from gnn.link_batches import LinkBatch, LinkBatches
from gnn.losses import sampled_softmax, sampled_softmax_in_pieces
from gnn.sampling import Batch, PairSampler
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from gnn.trained import Trained
from gnn.trainer_state import RunState, from_checkpoint, to_checkpoint
from gnn.training_config import Loader, TrainingConfig
from gnn.user_blocks import UserBlocks

EpochFn = Callable[[int, int], None]
"""Called with (epochs done, epochs in all)."""


PIECE = 512
"""Pairs of a batch that the loss looks at together on a CPU, see `gnn.losses`: their logits stay in the
caches, which takes a tenth to a quarter off a step, and 100 MB less than those of a whole batch."""


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


def batch_loss(
    users: Tensor, items: Tensor, batch: Batch, temperature: float, piece: int | None = None
) -> Tensor:
    """Sampled softmax of user-item pairs plus that of consecutive items; a scalar.

    piece: pairs that are looked at together; `None`: all of the batch.
    """
    negatives = items.index_select(0, batch.negatives)

    def softmax(anchor: Tensor, positive: Tensor) -> Tensor:
        if piece is None:
            return sampled_softmax(anchor, positive, negatives, temperature)
        return sampled_softmax_in_pieces(anchor, positive, negatives, temperature, piece)

    loss = softmax(users.index_select(0, batch.user), items.index_select(0, batch.item))
    if len(batch.before):
        before, after = items.index_select(0, batch.before), items.index_select(0, batch.after)
        loss = loss + softmax(before, after)
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
        n_blocks = config.blocks(int(graph.interactions.matrix.values().numel()))
        self._blocks: UserBlocks | None = None
        self._piece = PIECE if self._device.type == "cpu" else None
        if n_blocks > 1:  # a generator of its own: the parameters are the same with and without blocks
            dealing = torch.Generator().manual_seed(seed)
            self._blocks = UserBlocks.dealt(graph.interactions, n_blocks, dealing).to(self._device)
        self.sampler = PairSampler(
            shop,
            histories,
            config.batch(shop.n_events),
            config.negatives,
            self._generator,
            config.popularity_exponent,
            None if self._blocks is None else self._blocks.block,
        )
        self._links: LinkBatches | None = None
        if config.loader is Loader.LINKS:
            self._links = LinkBatches(
                self.sampler,
                graph.interactions,
                config.link_fan_out,
                model_config.layers,
                config.batch(shop.n_events),
                self._generator,
            )
        self._optimiser = torch.optim.AdamW(
            self.model.parameters(), lr=config.learning_rate, weight_decay=config.weight_decay
        )

    def step(self, batch: Batch) -> float:
        """One gradient step; returns the loss before it."""
        self._optimiser.zero_grad(set_to_none=True)
        users, items, batch = self._propagated(batch)
        device = self._device
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            loss = batch_loss(users, items, _to(batch, device), self._config.temperature, self._piece)
        return self._followed(loss)

    def step_links(self, batches: Sequence[LinkBatch]) -> float:
        """One gradient step on pairs with their neighbourhoods; returns the loss before it."""
        self._optimiser.zero_grad(set_to_none=True)
        device, losses = self._device, []
        x = self.model.layer_zero(self._graph, self._kept())
        for part in (batch.to(device) for batch in batches):
            users, items = self.model.through(x.index_select(0, part.items), part.to_users, part.to_items)
            with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
                losses.append(
                    sampled_softmax(
                        (items if part.of_items else users).index_select(0, part.anchor),
                        items.index_select(0, part.positive),
                        items.index_select(0, part.negatives),
                        self._config.temperature,
                    )
                )
        return self._followed(torch.stack(losses).sum())

    def _followed(self, loss: Tensor) -> float:
        loss.backward()
        self._optimiser.step()
        return float(loss.detach())

    def _propagated(self, batch: Batch) -> tuple[Tensor, Tensor, Batch]:
        """(users, items, the batch with its users as places among these)."""
        blocks = self._blocks
        if blocks is None:
            users, items = self.model(self._graph, self._kept())
            return users, items, batch
        other = blocks.another(batch.block, self._generator)
        users, items = self.model.forward_block(self._graph, blocks, batch.block, other, self._kept())
        return users, items, replace(batch, user=blocks.place[batch.user])

    def _kept(self) -> Tensor:
        """Residual factors: 0 for dropped items, the rest scaled up; (n_items, 1)."""
        share = self.model.config.residual_dropout
        kept = torch.rand(self._graph.n_items, 1, generator=self._generator) >= share
        return (kept / (1.0 - share)).to(self._device)

    def run_epoch(self) -> float:
        """One pass over all pairs; returns the mean loss."""
        if self._links is None:
            losses = [self.step(batch) for batch in self.sampler.epoch()]
        else:
            losses = [
                self.step_links([part for part in parts if part is not None]) for parts in self._links.epoch()
            ]
        return sum(losses) / len(losses)

    def embeddings(self) -> tuple[FloatArray, FloatArray]:
        """(items of unit length, what items add to users), each (n_items, dim)."""
        with torch.no_grad():
            _, items = self.model(self._graph)
            unit = functional.normalize(items, dim=1)
            user_side = self.model.user_side(self._graph)
        return unit.cpu().numpy(), user_side.cpu().numpy()

    def _trained(self, epochs: int) -> Trained:
        engaged = self._graph.item_degree.cpu().numpy()[:, 0] > 0
        return Trained(*self.embeddings(), self.model.weights().with_residuals_of(engaged), epochs)

    def run(
        self,
        epochs: int,
        validation: ValidationPairs | None = None,
        progress: EpochFn | None = None,
        checkpoints: Checkpoints | None = None,
        name: str = "training",
        log: EpochLog | None = None,
    ) -> Trained:
        """Train for `epochs`; with validation pairs, stop early and return the best-ranking epoch.

        checkpoints, name: where the run is kept between epochs; one that was interrupted goes on from there
        and ends with the same bits.
        log: told what every epoch came to, under the same name.
        """
        checkpoints = checkpoints or NoCheckpoints()
        state = self._resumed(checkpoints, name)
        interval = max(1, epochs // self._config.checks)
        while state.epoch < epochs and not state.stopped:
            loss, score = self.run_epoch(), None
            state.epoch += 1
            if validation is not None and (state.epoch % interval == 0 or state.epoch == epochs):
                score = self._look(state, validation, self._config.patience * interval)
            if log is not None:
                log(EpochFigures(name, state.epoch, loss, score))
            over = state.stopped or state.epoch == epochs
            checkpoints.save(
                name,
                lambda: to_checkpoint(state, self.model, self._optimiser, self._generator),
                final=over,
            )
            if progress is not None:
                progress(state.epoch, epochs)
        if progress is not None:
            progress(epochs, epochs)
        return state.best or self._trained(epochs)

    def _look(self, state: RunState, validation: ValidationPairs, patience: int) -> float:
        """Keep the epoch if it ranks better than any before, else see whether to stop; its score."""
        now = self._trained(state.epoch)
        score = validation.ndcg(now.items)
        if score > state.best_score:
            state.best_score, state.best = score, now
        elif state.best is not None and state.epoch - state.best.epochs >= patience:
            state.stopped = True
        return score

    def _resumed(self, checkpoints: Checkpoints, name: str) -> RunState:
        kept = checkpoints.load(name)
        if kept is None:
            return RunState()
        return from_checkpoint(kept, self.model, self._optimiser, self._generator)


def _to(batch: Batch, device: torch.device) -> Batch:
    return Batch(
        batch.user.to(device),
        batch.item.to(device),
        batch.before.to(device),
        batch.after.to(device),
        batch.negatives.to(device),
    )
