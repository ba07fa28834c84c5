"""What an increment costs and is worth against fitting anew, on a made-up shop; the sampler's speed.

Baseline of the same run: `full`, fitted from scratch after each block (protocol `stream`).
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from torch_geometric.data import HeteroData
from torch_geometric.sampler import NodeSamplerInput

from benchmarks.measurement import HEADER, Timing, machine, row, timed
from gnn.csr_sampler import CsrSampler
from service.cli.evaluate import show_stream
from service.demo.sample_shop import SampleShop
from service.evaluating.evaluation import EvaluateRequest, run_stream
from service.reporter import Reporter
from service.settings import load_settings

SEEDS_OF_A_BATCH = 1024


def sampler_timing(edges: int, fan_out: tuple[int, int], repeats: int = 20) -> Timing:
    """Seconds to sample the two-hop neighbourhood of 1,024 items of a random graph with popular items."""
    generator = torch.Generator().manual_seed(0)
    n_users, n_items = edges // 30, edges // 25
    user = torch.randint(n_users, (edges,), generator=generator)
    item = (torch.rand(edges, generator=generator) ** 2 * n_items).long()
    data = HeteroData()
    data["user"].num_nodes, data["item"].num_nodes = n_users, n_items
    data["user", "bought", "item"].edge_index = torch.stack([user, item])
    data["item", "rev_bought", "user"].edge_index = torch.stack([item, user])
    sampler = CsrSampler(data, fan_out, seed=0)
    batches = [
        torch.randperm(n_items, generator=generator)[:SEEDS_OF_A_BATCH] for _ in range(max(repeats, 1))
    ]
    return timed(
        lambda turn: sampler.sample_from_nodes(
            NodeSamplerInput(input_id=None, node=batches[turn], input_type="item")
        ),
        repeats,
    )


def streamed(users: int, seeds: tuple[int, ...], folder: Path) -> dict[str, Any]:
    """The protocol `stream` on a made-up shop; shows its table, returns its JSON."""
    SampleShop(users=users, variants=max(3, users // 100)).write(folder / "sample-shop")
    settings = load_settings(folder / "home", {"encoder": {"model": "hashing:128"}})
    request = EvaluateRequest(folder / "sample-shop", protocol="stream", seeds=seeds)
    result = run_stream(request, settings, Reporter(Console(quiet=True)))
    show_stream(result, Console(width=140))
    return result.as_json()


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1_000)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--edges", type=int, default=1_000_000)
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    print(machine())
    timings = {fan_out: sampler_timing(wanted.edges, fan_out) for fan_out in ((15, 10), (50, 50))}
    print(HEADER)
    for fan_out, timing in timings.items():
        name = f"1,024 seeds, {wanted.edges:,} edges, {fan_out[0]}/{fan_out[1]}"
        print(row(name, timing, timings[15, 10]))
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        found = streamed(wanted.users, tuple(wanted.seeds), Path(folder))
    if wanted.json:
        figures = {
            "machine": machine(),
            "seconds": time.perf_counter() - started,
            "sampler": {f"{a}/{b}": timing.median for (a, b), timing in timings.items()},
            **found,
        }
        wanted.json.write_text(json.dumps(figures, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
