"""LightGCN on the split its paper was judged on: a learning curve, and what an epoch costs.

    python -m benchmarks.published_split DATA_DIR/gowalla-lightgcn [--minutes 25] [--layers 3] [--held-out .1]

Trains until the budget of processor time is spent or the epochs are through, at a learning rate that falls to
nothing by a cosine; every few epochs Recall@20 and NDCG@20 of the dataset's own test are written down, in
`<dataset>-curve.json`. Nothing is chosen by them: what counts is the last. Choices are made with
`--held-out .1`, where a random tenth of the training pairs is the test (docs/model-tried.md has them).

A run that is ended early has its curve up to then; with `--state FILE` it can be gone on with.
"""

import argparse
import json
import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from torch import Tensor
from torch.nn import functional

from benchmarks.measurement import machine
from benchmarks.quality import RESULTS
from gnn.baselines.interactions import interaction_matrix
from gnn.baselines.lightgcn import (
    LightGcnConfig,
    LightGcnNet,
    bipartite_adjacency,
    negatives_rate,
    optimiser_of,
    step,
)
from gnn.checkpoints import Checkpoint
from gnn.evaluation import EvaluationData, UnfitData, given_cases, judge
from gnn.evaluation.split import Split
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from gnn.trainer_state import RunState, from_checkpoint, to_checkpoint
from service.evaluating.evaluation import EvaluateRequest, read_shop
from service.reporter import Reporter
from service.settings import load_settings

LENGTHS = {"three_quarters_length": 0.75, "half_length": 0.5, "inner_product": 1.0, "cosine": 0.0}
"""Ways to score: training compares by cosine, but what messages add up to is longer for popular items."""

Point = dict[str, Any]
"""Epoch, processor seconds of training until then, means of the test's measures."""


class Trained:
    """A `Recommender` of embeddings as they are at the moment."""

    name = "lightgcn"

    def __init__(self, net: LightGcnNet, length: float) -> None:
        """length: exponent of an item's length in its scores; 0: cosine, 1: inner product."""
        with torch.no_grad():
            users, items = net()
            self._users = functional.normalize(users, dim=1).numpy()
            scaled = functional.normalize(items, dim=1) * items.norm(dim=1, keepdim=True) ** length
        self._items: FloatArray = scaled.numpy()

    def fit(self, shop: object, seed: int) -> None:
        """Nothing: it is trained outside."""

    def score_similar(self, query: IntArray, objective: Objective) -> FloatArray:
        """See `gnn.recommender`."""
        scores: FloatArray = self._items[query] @ self._items.T
        return scores

    def score_users(self, users: IntArray) -> FloatArray:
        """See `gnn.recommender`."""
        scores: FloatArray = self._users[users] @ self._items.T
        return scores


class Run:
    """A training run that can be kept between two epochs."""

    def __init__(self, shop: ShopArrays, config: LightGcnConfig) -> None:
        pairs = interaction_matrix(shop).tocoo()
        self.config = config
        self._user, self._item = (torch.from_numpy(side.astype(np.int64)) for side in (pairs.row, pairs.col))
        adjacency = bipartite_adjacency(self._user, self._item, shop.n_users, shop.n_items)
        self._generator = torch.Generator().manual_seed(0)
        self.net = LightGcnNet(shop.n_users, shop.n_items, adjacency, config)
        self.net.reset(config.initial_scale, self._generator)
        self._optimiser = optimiser_of(self.net, config)
        self._rate = negatives_rate(self._item, shop.n_items, config)
        self.epoch, self.seconds = 0, 0.0
        self.points: list[Point] = []

    def train_epoch(self) -> None:
        """One pass over all pairs; its processor time is added to `seconds`."""
        before = time.process_time()
        left = 0.5 + 0.5 * math.cos(math.pi * self.epoch / self.config.epochs)
        for group in self._optimiser.param_groups:
            group["lr"] = self.config.learning_rate * left
        for batch in self._batches():
            user, item = self._user[batch], self._item[batch]
            step(self.net, self._optimiser, user, item, self.config, self._generator, self._rate)
        self.epoch += 1
        self.seconds += time.process_time() - before

    def _batches(self) -> Iterator[Tensor]:
        parts = -(-len(self._user) // self.config.batch_size)
        yield from torch.randperm(len(self._user), generator=self._generator).tensor_split(parts)

    def keep(self, path: Path) -> None:
        """Write everything that the epochs to come depend on."""
        kept = to_checkpoint(RunState(self.epoch), self.net, self._optimiser, self._generator)
        told = {"values": kept.values, "seconds": self.seconds, "points": self.points}
        fresh = path.with_suffix(".new")
        save_file(dict(kept.arrays), fresh, metadata={"run": json.dumps(told)})
        fresh.replace(path)

    def go_on_from(self, path: Path) -> None:
        """Stand where `keep` was called."""
        with safe_open(path, framework="numpy") as file:
            told = json.loads(file.metadata()["run"])
        from_checkpoint(
            Checkpoint(load_file(path), told["values"]), self.net, self._optimiser, self._generator
        )
        self.epoch, self.seconds, self.points = told["values"]["epoch"], told["seconds"], told["points"]


def held_out(data: EvaluationData, share: float) -> EvaluationData:
    """The training events alone, a random share of them as the test."""
    train = data.shop.events(0, data.given_split or 0)
    order = np.random.default_rng(0).permutation(train.n_events)
    shop = replace(
        train,
        user=train.user[order],
        item=train.item[order],
        at=np.zeros(train.n_events, np.int64),
        weight=train.weight[order],
        relation=train.relation[order],
    )
    return replace(data, shop=shop, given_split=round((1 - share) * train.n_events))


def curve(
    folder: Path,
    config: LightGcnConfig,
    minutes: float,
    every: int,
    path: Path,
    state: Path | None,
    share: float | None,
    lengths: Sequence[str] = tuple(LENGTHS),
) -> None:
    """Train and write what there is after every look at the test. share: see `held_out`. lengths: names of
    `LENGTHS` that are looked at.

    Raises `UnfitData` where the dataset brings no split.
    """
    data = read_shop(EvaluateRequest(folder), load_settings(None), Reporter(Console(stderr=True)))
    if data.given_split is None:
        raise UnfitData("the dataset brings no split of its own")
    if share is not None:
        data = held_out(data, share)
    assert data.given_split is not None
    cases = given_cases(data, Split(data.given_split, data.shop.n_events))
    run, measured = Run(data.visible(0, data.given_split), config), {"on": machine()}
    if state is not None and state.exists():
        run.go_on_from(state)
    while run.epoch < config.epochs and run.seconds < minutes * 60:
        run.train_epoch()
        over = run.epoch == config.epochs or run.seconds >= minutes * 60
        if run.epoch % every == 0 or over:
            point: Point = {"epoch": run.epoch, "training_cpu_seconds": round(run.seconds, 1)}
            for name in lengths:
                model = Trained(run.net, LENGTHS[name])
                (figures,) = (s for s in judge(model, cases) if s.path == ("user_next",))
                point[name] = {
                    metric: round(float(figures.values[metric].mean()), 5)
                    for metric in ("recall@20", "ndcg@20")
                }
            run.points.append(point)
            found = {
                "dataset": data.dataset,
                "model": asdict(config),
                "users": len(figures.values["recall@20"]),
                "curve": run.points,
                "measured": measured,
            }
            path.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
            print(json.dumps(run.points[-1]), flush=True)
            if state is not None:
                run.keep(state)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, default=25.0, help="of processor time for training")
    parser.add_argument("--layers", type=int, default=3, help="the paper's best on gowalla")
    parser.add_argument("--batch", type=int, default=8_192)
    parser.add_argument("--negatives", type=int, default=2_048)
    parser.add_argument("--temperature", type=float, default=0.1)
    parser.add_argument("--learning-rate", type=float, default=1e-2)
    parser.add_argument("--popularity", type=float, default=1.0, help="exponent by which negatives are drawn")
    parser.add_argument("--held-out", type=float, help="share of the training pairs that is the test")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--every", type=int, default=5, help="epochs between two looks at the test")
    parser.add_argument("--lengths", nargs="+", choices=tuple(LENGTHS), default=tuple(LENGTHS))
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the file")
    parser.add_argument("--state", type=Path, help="file to go on from, written at every look")
    given = parser.parse_args()
    config = LightGcnConfig(
        layers=given.layers,
        batch_size=given.batch,
        negatives=given.negatives,
        temperature=given.temperature,
        popularity_exponent=given.popularity,
        learning_rate=given.learning_rate,
        epochs=given.epochs,
        steps=1,
    )
    given.out.mkdir(exist_ok=True)
    path = given.out / f"{given.data.name}-curve.json"
    curve(given.data, config, given.minutes, given.every, path, given.state, given.held_out, given.lengths)


if __name__ == "__main__":
    main()
