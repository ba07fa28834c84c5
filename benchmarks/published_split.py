"""LightGCN on the split its paper was judged on: a learning curve, and what an epoch costs.

    python -m benchmarks.published_split DATA_DIR/gowalla-lightgcn [--minutes 25] [--layers 3]

Trains until the budget of processor time is spent or the epochs are through; every few epochs Recall@20 and
NDCG@20 of the dataset's own test are written down. Nothing is chosen by them: what counts is the last.
Batches are larger than the baseline's, for a step costs two products with the whole graph per layer whatever
its batch. The file is `<dataset>-curve.json`.
"""

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch.nn import functional

from benchmarks.measurement import machine
from benchmarks.quality import RESULTS
from gnn.baselines.interactions import interaction_matrix
from gnn.baselines.lightgcn import LightGcnConfig, LightGcnNet, bipartite_adjacency, step
from gnn.evaluation import UnfitData, given_cases, judge
from gnn.evaluation.split import Split
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray
from service.evaluating.evaluation import EvaluateRequest, read_shop
from service.reporter import Reporter
from service.settings import load_settings


class Trained:
    """A `Recommender` of embeddings as they are at the moment."""

    name = "lightgcn"

    def __init__(self, net: LightGcnNet) -> None:
        with torch.no_grad():
            self._users, self._items = (functional.normalize(part, dim=1).numpy() for part in net())

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


def curve(folder: Path, config: LightGcnConfig, minutes: float, every: int, path: Path) -> None:
    """Train and write what there is after every look at the test.

    Raises `UnfitData` where the dataset brings no split.
    """
    data = read_shop(EvaluateRequest(folder), load_settings(None), Reporter(Console(stderr=True)))
    if data.given_split is None:
        raise UnfitData("the dataset brings no split of its own")
    shop = data.visible(0, data.given_split)
    cases = given_cases(data, Split(data.given_split, data.shop.n_events))
    pairs = interaction_matrix(shop).tocoo()
    user, item = (torch.from_numpy(side.astype(np.int64)) for side in (pairs.row, pairs.col))
    generator = torch.Generator().manual_seed(0)
    net = LightGcnNet(
        shop.n_users, shop.n_items, bipartite_adjacency(user, item, shop.n_users, shop.n_items), config
    )
    net.reset(config.initial_scale, generator)
    optimiser = torch.optim.Adam([net.embedding], lr=config.learning_rate, weight_decay=config.weight_decay)
    points: list[dict[str, Any]] = []
    parts = -(-len(user) // config.batch_size)
    training, begun = 0.0, time.perf_counter()
    for epoch in range(1, config.epochs + 1):
        before = time.process_time()
        for batch in torch.randperm(len(user), generator=generator).tensor_split(parts):
            step(net, optimiser, user[batch], item[batch], config, generator)
        training += time.process_time() - before
        spent = training >= minutes * 60
        if epoch % every == 0 or epoch == config.epochs or spent:
            (figures,) = (scores for scores in judge(Trained(net), cases) if scores.path == ("user_next",))
            means = {name: round(float(values.mean()), 5) for name, values in figures.values.items()}
            points.append({"epoch": epoch, "training_cpu_seconds": round(training, 1), **means})
            found = {
                "dataset": data.dataset,
                "model": asdict(config),
                "users": len(figures.values["recall@20"]),
                "curve": points,
                "measured": {"on": machine(), "seconds": round(time.perf_counter() - begun, 1)},
            }
            path.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
            print(json.dumps(points[-1]), flush=True)
        if spent:
            return


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--minutes", type=float, default=25.0, help="of processor time for training")
    parser.add_argument("--layers", type=int, default=3, help="the paper's best on gowalla")
    parser.add_argument("--batch", type=int, default=32_768)
    parser.add_argument("--negatives", type=int, default=2_048)
    parser.add_argument("--learning-rate", type=float, default=1e-2)
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--every", type=int, default=3, help="epochs between two looks at the test")
    parser.add_argument("--out", type=Path, default=RESULTS, help="folder of the file")
    given = parser.parse_args()
    config = LightGcnConfig(
        layers=given.layers,
        batch_size=given.batch,
        negatives=given.negatives,
        learning_rate=given.learning_rate,
        epochs=given.epochs,
        steps=1,
    )
    given.out.mkdir(exist_ok=True)
    curve(given.data, config, given.minutes, given.every, given.out / f"{given.data.name}-curve.json")


if __name__ == "__main__":
    main()
