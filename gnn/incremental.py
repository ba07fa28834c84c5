"""Incremental retraining: what new events change is learned on the subgraph that they reach.

The text projection, category and brand vectors stay; the residuals of the items that the new events touch
move. Propagation is linear, so an embedding is what the weights before give plus what the moves D add::

    item = stored + D + A^T A D        user = stored + A D

and only D goes through the edges of a step, which are sampled around its own pairs. Positives are the new
events and as many old ones. A touched residual is at most as long as nearly all of those before are.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor, nn

from gnn.affected_subgraph import AffectedGraph, AffectedSubgraph, StoredLayers, stored_layers
from gnn.catalogue_relations import category_means
from gnn.histories import group_by_user, interaction_matrix, next_pairs
from gnn.ilk_config import IlkConfig
from gnn.incremental_config import IncrementalConfig
from gnn.losses import sampled_softmax
from gnn.propagation import Propagation
from gnn.replay import replayed
from gnn.sampling import Batch
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from gnn.text_space import unit_rows
from gnn.trained_weights import TrainedWeights
from gnn.training import ValidationPairs


@dataclass(frozen=True)
class IncrementalUpdate:
    """Outcome of an increment. What it cost is counted, so that two runs cost the same on any machine."""

    weights: TrainedWeights
    touched: IntArray
    """Items whose residual may have moved, ascending, (t,)."""
    steps: int
    """Steps made."""
    best_step: int
    """Step whose weights were kept; 0: the weights before were best."""
    edge_gradients: int
    """Edges that gradients passed over, plus positive pairs of the loss, summed over the steps."""
    messages: int
    """Forward messages, those that filled the stored layers and the checks included."""
    figures: dict[str, float]
    """NDCG@100 by embedding on the events held back: `before`, `after`, `pairs`."""


def update(
    weights: TrainedWeights,
    config: IlkConfig,
    shop: ShopArrays,
    text: FloatArray | None,
    new: IntArray,
    settings: IncrementalConfig,
    seed: int,
) -> IncrementalUpdate:
    """Learn from some events of `shop` on top of weights that were trained before them.

    Args:
        shop: All events, those in `new` included; more items than `weights` knows are fine.
        text: Text vectors of all items in the space that the weights were trained with
            (`gnn.text_space.TextSpace.vectors`), (n_items, d).
        new: Positions of the new events, ascending, unique, (m,).

    Raises `ValueError` when `new` leaves the events.
    """
    if len(new) and (new[0] < 0 or new[-1] >= shop.n_events or bool((np.diff(new) <= 0).any())):
        raise ValueError("new: positions of events, ascending, each once")
    weights = _grown(weights, shop.n_items)
    new = new[shop.weight[new] > 0]
    run = _Increment(weights, config, shop, text, new, settings, seed)
    return run.outcome() if len(run.pairs.user) else run.nothing()


def _grown(weights: TrainedWeights, n_items: int) -> TrainedWeights:
    """Residuals of 0 for items that came later."""
    missing = n_items - len(weights.residual)
    if missing <= 0:
        return weights
    none = np.zeros((missing, weights.residual.shape[1]), np.float32)
    return replace(weights, residual=np.concatenate([weights.residual, none]))


@dataclass(frozen=True)
class _Pairs:
    """Positives of an increment."""

    user: IntArray
    item: IntArray
    before: IntArray
    after: IntArray


def _pairs(shop: ShopArrays, events: IntArray) -> _Pairs:
    """(user, item) of some events, and the steps of their users that end in one of them."""
    histories = group_by_user(shop)
    chosen = np.zeros(shop.n_events, np.bool_)
    chosen[events] = True
    follows = (histories.user[1:] == histories.user[:-1]) & (histories.item[1:] != histories.item[:-1])
    follows &= chosen[histories.position[1:]]
    return _Pairs(
        shop.user[events], shop.item[events], histories.item[:-1][follows], histories.item[1:][follows]
    )


class _Moves(nn.Module):
    """The moves D of the trained rows, and what they add to the users and items of a subgraph."""

    def __init__(
        self, residual: FloatArray, touched: IntArray, n_items: int, layers: int, longest: float
    ) -> None:
        """residual: of the touched items before, (t, dim). longest: see `shorten`."""
        super().__init__()
        self.rows = nn.Parameter(torch.zeros(residual.shape))
        self._before: Tensor
        self.register_buffer("_before", torch.from_numpy(residual))
        self._longest = longest
        self._place: Tensor
        self.register_buffer("_place", _places(touched, n_items))
        self._layers = layers
        self._propagation = Propagation()

    @torch.no_grad()
    def shorten(self) -> None:
        """Bring residuals that the moves made longer than `longest` back to that length.

        A few large steps drive a residual apart from its item's text, and increments one after the other add
        up: three of them made those of popular items of a real shop three times as long as a fit leaves them.
        """
        residual = self._before + self.rows
        length = residual.norm(dim=1)
        over = torch.nonzero(length > self._longest).squeeze(1)  # the others keep their bits
        shorter = residual[over] * (self._longest / length[over])[:, None]
        self.rows[over] = shorter - self._before[over]

    def of(self, items: Tensor) -> Tensor:
        """The own moves of some items, 0 where they are not trained; (n, dim)."""
        padded = torch.cat([self.rows, self.rows.new_zeros(1, self.rows.shape[1])])
        return padded.index_select(0, self._place[items])

    def forward(self, subgraph: AffectedSubgraph, items: Tensor) -> tuple[Tensor, Tensor]:
        """What comes through edges: (users (u, dim), items (i, dim)), summed over the layers above 0, as in
        `EmbeddingModel`. items: the subgraph's, on the device."""
        users = all_users = self._propagation(self.of(items), subgraph.to_users)  # (u, dim)
        reached = all_items = users.new_zeros(len(items), users.shape[1])
        for layer in range(1, self._layers):
            if layer % 2:
                reached = self._propagation(users, subgraph.to_items)
                all_items = all_items + reached
            else:
                users = self._propagation(reached, subgraph.to_users)
                all_users = all_users + users
        return all_users, all_items

    def numpy(self) -> FloatArray:
        """A copy of the moves of the trained items, (t, dim)."""
        return self.rows.detach().cpu().numpy().copy()


class _Increment:
    """One run."""

    def __init__(
        self,
        weights: TrainedWeights,
        config: IlkConfig,
        shop: ShopArrays,
        text: FloatArray | None,
        new: IntArray,
        settings: IncrementalConfig,
        seed: int,
    ) -> None:
        self._weights, self._shop, self._settings = weights, shop, settings
        self._layers = config.embedding.layers
        self._temperature = config.training.temperature
        self._device = torch.device(settings.device)
        self._generator = torch.Generator().manual_seed(seed)
        held = int(len(new) * settings.check_share)
        learned, self._held = new[: len(new) - held], new[len(new) - held :]
        rng = np.random.default_rng(seed)
        is_old = np.ones(shop.n_events, np.bool_)
        is_old[new] = False
        old = np.flatnonzero(is_old & (shop.weight > 0))
        again = replayed(shop, old, round(settings.replay * len(learned)), settings.strata, rng)
        self.pairs = _pairs(shop, np.concatenate([learned, again]))
        self._touched = np.unique(shop.item[learned])
        self._interactions = interaction_matrix(shop)
        self._layer_zero = weights.layer_zero(np.arange(shop.n_items), text, category_means(shop), shop.brand)
        self._stored: StoredLayers = stored_layers(self._layer_zero, self._interactions, self._layers)
        self._messages = self._stored.messages
        self._edge_gradients = 0
        self._seed = seed

    def nothing(self) -> IncrementalUpdate:
        """No event to learn from: the weights before."""
        none = np.zeros(0, np.int64)
        return IncrementalUpdate(self._weights, none, 0, 0, 0, self._messages, {"pairs": 0})

    def outcome(self) -> IncrementalUpdate:
        """Train, keep the best check."""
        moves, graph = self._prepared()
        check = self._validation()
        total = self._settings.steps(len(self.pairs.user))
        interval = max(1, total // self._settings.checks)
        optimiser, schedule = self._optimiser(moves, total)
        before = best = check.ndcg(unit_rows(self._stored.items)) if len(check.query) else 0.0
        best_step, kept, step = 0, np.zeros_like(self._layer_zero[self._touched]), 0
        for step, batch in enumerate(self._batches(total), start=1):
            self._step(moves, graph, optimiser, batch)
            moves.shorten()
            schedule.step()
            if len(check.query) and (step % interval == 0 or step == total):
                now = moves.numpy()
                score = check.ndcg(self._embedded(now))
                if score > best:
                    best, best_step, kept = score, step, now
                elif step - best_step >= 2 * interval:
                    break
        if not len(check.query):
            best_step, kept = step, moves.numpy()
        figures = {"before": before, "after": best, "pairs": float(len(check.query))}
        return IncrementalUpdate(
            self._moved(kept), self._touched, step, best_step, self._edge_gradients, self._messages, figures
        )

    def _prepared(self) -> tuple[_Moves, AffectedGraph]:
        """The moves, all 0, and the graph that they reach through; everything a step needs, on the device."""
        self._users = torch.from_numpy(self._stored.users).to(self._device)
        self._items = torch.from_numpy(self._stored.items).to(self._device)
        graph = AffectedGraph(
            self._interactions, self._touched, self._settings.fan_out, self._layers, self._seed
        )
        residual = self._weights.residual
        moves = _Moves(
            residual[self._touched],
            self._touched,
            len(residual),
            self._layers,
            _longest(residual, self._settings.longest),
        )
        return moves.to(self._device), graph

    def _optimiser(
        self, moves: _Moves, total: int
    ) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LRScheduler]:
        optimiser = torch.optim.AdamW(
            moves.parameters(), lr=self._settings.rate(len(self.pairs.user)), weight_decay=0.0
        )
        rise = max(1, round(self._settings.warm_up * total))
        schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(1.0, (step + 1) / rise))
        return optimiser, schedule

    def _batches(self, total: int) -> Iterator[Batch]:
        """All pairs in random order, over and over, `total` batches."""
        parts = int(np.ceil(len(self.pairs.user) / self._settings.batch(len(self.pairs.user))))
        n_items, made = self._shop.n_items, 0
        while made < total:
            events = torch.randperm(len(self.pairs.user), generator=self._generator).tensor_split(parts)
            follows = torch.randperm(len(self.pairs.before), generator=self._generator).tensor_split(parts)
            for event, follow in zip(events, follows, strict=True):
                if made == total:
                    return
                made += 1
                yield Batch(
                    user=torch.from_numpy(self.pairs.user)[event],
                    item=torch.from_numpy(self.pairs.item)[event],
                    before=torch.from_numpy(self.pairs.before)[follow],
                    after=torch.from_numpy(self.pairs.after)[follow],
                    negatives=torch.randint(n_items, (self._settings.negatives,), generator=self._generator),
                )

    def _step(
        self, moves: _Moves, graph: AffectedGraph, optimiser: torch.optim.Optimizer, batch: Batch
    ) -> None:
        """One step on the subgraph around the batch's own pairs; to a negative comes its own move alone."""
        optimiser.zero_grad(set_to_none=True)
        seeds, user_place = torch.unique(batch.user, return_inverse=True)
        ends = torch.cat([batch.item, batch.before, batch.after])
        end_seeds, end_place = torch.unique(ends, return_inverse=True)
        subgraph = graph.around(seeds.numpy(), end_seeds.numpy()).to(self._device)
        reached_users, reached_items = moves(subgraph, torch.from_numpy(subgraph.items).to(self._device))

        def rows(stored: Tensor, nodes: Tensor, reached: Tensor, place: Tensor) -> Tensor:
            """Seeds stand first in a subgraph, in their order."""
            return stored.index_select(0, nodes) + reached.index_select(0, place.to(self._device))

        user, ends, negatives = (nodes.to(self._device) for nodes in (batch.user, ends, batch.negatives))
        with torch.autocast(self._device.type, torch.bfloat16, enabled=self._device.type == "cuda"):
            users = rows(self._users, user, reached_users, user_place)
            items = rows(self._items, ends, reached_items, end_place) + moves.of(ends)
            item, before, after = items.split([len(batch.item), len(batch.before), len(batch.after)])
            shared = self._items.index_select(0, negatives) + moves.of(negatives)
            loss = sampled_softmax(users, item, shared, self._temperature)
            if len(before):
                loss = loss + sampled_softmax(before, after, shared, self._temperature)
        if self._settings.anchor:
            loss = loss + self._settings.anchor * moves.rows.square().sum(dim=1).mean()
        loss.backward()
        nn.utils.clip_grad_norm_(moves.parameters(), self._settings.clip)
        optimiser.step()
        self._messages += subgraph.n_edges
        self._edge_gradients += subgraph.n_edges + len(batch.user) + len(batch.before)

    def _validation(self) -> ValidationPairs:
        """`next` pairs that end in an event held back."""
        query, target, position = next_pairs(group_by_user(self._shop))
        late = np.isin(position, self._held)
        return ValidationPairs(query[late], target[late])

    def _embedded(self, moved: FloatArray) -> FloatArray:
        """Items of unit length with some moves, over the whole graph."""
        x = self._layer_zero.copy()
        x[self._touched] += moved
        stored = stored_layers(x, self._interactions, self._layers)
        self._messages += stored.messages
        return unit_rows(stored.items)

    def _moved(self, moved: FloatArray) -> TrainedWeights:
        residual = self._weights.residual.copy()
        residual[self._touched] += moved
        return replace(self._weights, residual=residual)


def _longest(residual: FloatArray, share: float) -> float:
    """Quantile of the lengths of the residuals that were trained; no limit where none was."""
    length = np.linalg.norm(residual, axis=1)
    trained = length[length > 0]
    return float(np.quantile(trained, share)) if len(trained) else np.inf


def _places(nodes: IntArray, n: int) -> Tensor:
    """Place of each node in `nodes`, of others the place after the last; (n,)."""
    places = torch.full((n,), len(nodes), dtype=torch.int64)
    places[torch.from_numpy(nodes)] = torch.arange(len(nodes))
    return places
