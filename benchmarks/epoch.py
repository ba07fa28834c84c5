"""What one epoch of the network costs as a shop grows, ten million edges included: seconds, memory, exponent.

`python -m benchmarks.epoch [--edges 100000 1000000 10000000]`. Edges are drawn as arrays (Zipf items in
tastes, 17 an user), so that the shop itself costs nothing; every size runs in a process of its own. Baseline:
one pass of the same propagation, forth and back, over the same edges.
"""

import argparse
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context

import numpy as np
import torch

from benchmarks.measurement import machine
from gnn.embedding_model import model_graph
from gnn.hetero_graph import build_hetero_graph
from gnn.histories import group_by_user
from gnn.ilk_config import IlkConfig
from gnn.propagation import Propagation
from gnn.shop_arrays import ShopArrays
from gnn.training import Trainer
from service.reporter import peak_memory_bytes

EDGES_PER_USER = 17
EDGES_PER_ITEM = 43
"""As in the made-up shop of `refreshing`."""
TASTES = 50


def drawn_shop(edges: int) -> ShopArrays:
    """Users have a taste each and take nine items of ten from it; few items are taken often."""
    rng = np.random.default_rng(0)
    n_users, n_items = (
        max(1, edges // EDGES_PER_USER),
        max(TASTES, edges // EDGES_PER_ITEM // TASTES * TASTES),
    )
    user = rng.integers(0, n_users, edges)
    taste = np.where(rng.random(edges) < 0.9, user % TASTES, rng.integers(0, TASTES, edges))
    per_taste = n_items // TASTES
    rank = np.floor(np.exp(rng.random(edges) * np.log(per_taste + 1))).astype(np.int64) - 1  # Zipf's law
    return ShopArrays(
        n_users=n_users,
        n_items=n_items,
        user=user,
        item=taste * per_taste + np.minimum(rank, per_taste - 1),
        at=np.arange(edges, dtype=np.int64),
        weight=np.ones(edges, np.float32),
        relation=np.zeros(edges, np.int8),
    )


def measured(edges: int, steps: int) -> tuple[float, float]:
    """(seconds of one epoch, of the processor), from its first steps; printed beside the baseline."""
    config = IlkConfig()
    shop = drawn_shop(edges)
    graph = model_graph(build_hetero_graph(shop, None), config.embedding.text_dims)
    trainer = Trainer(shop, group_by_user(shop), graph, config.embedding, config.training, seed=0)
    batch = config.training.batch(edges)
    whole = -(-edges // batch)
    began, spent = time.perf_counter(), time.process_time()
    losses = [trainer.step(part) for part in islice(trainer.sampler.epoch(), steps)]
    share = whole / len(losses)
    seconds = share * (time.perf_counter() - began)
    processor = share * (time.process_time() - spent)
    one = torch.ones(shop.n_items, config.embedding.dim)
    layer, spent = Propagation(), time.process_time()
    layer(layer(one, graph.interactions), graph.interactions.flipped())
    floor = time.process_time() - spent
    print(
        f"{edges:>11,} edges: epoch {seconds:.1f} s, {processor:.1f} s of the processor "
        f"({len(losses)} of {whole} steps of {batch:,} were run), {processor / floor:.0f} x a pass; peak "
        f"{peak_memory_bytes() / 2**20:,.0f} MiB",
        flush=True,
    )
    return seconds, processor


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edges", type=int, nargs="+", default=[100_000, 1_000_000, 10_000_000])
    parser.add_argument("--steps", type=int, default=256, help="of an epoch that are run; 256: all")
    given = parser.parse_args()
    sizes = given.edges
    print(machine(), flush=True)
    rows = []
    for edges in sizes:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            rows.append(pool.submit(measured, edges, given.steps).result())
    if len(rows) > 1:
        logs = np.log(np.array(rows))
        slopes = [float(np.polyfit(np.log(sizes), logs[:, column], 1)[0]) for column in (0, 1)]
        print(f"seconds grow as edges^{slopes[0]:.2f}, those of the processor as edges^{slopes[1]:.2f}")


if __name__ == "__main__":
    main()
