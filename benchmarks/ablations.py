"""What each part of the model is worth: one fit per shop and seed, then the same fit without a part.

    python -m benchmarks.ablations DATA_DIR [--only NAME] [--seeds 0] [--newest 300000]
    python -m benchmarks.ablations DATA_DIR --layers     how deep the network is, each depth trained anew
    python -m benchmarks.ablations DATA_DIR --only gowalla-lightgcn --parts "all paths" "trained embeddings"

As `ilk evaluate --ablate` (see `gnn.evaluation.ablation`); `refit` variants are trained anew.
Files go to `benchmarks/results/<shop>-ablations.json` and `<shop>-layers.json`.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from benchmarks.measurement import machine
from benchmarks.quality import GIVEN_SPLITS, RESULTS, SHOPS, with_newest
from gnn import IlkConfig
from gnn.evaluation import EvaluationProtocol, evaluate
from gnn.evaluation.ablation import PARTS, Ablated, SharedFits, ablations
from service.evaluating.evaluation import EvaluateRequest, read_shop
from service.reporter import Reporter
from service.settings import load_settings

WHOLE = "everything there"
DEPTHS = {"propagation (refit)": 0, "three layers (refit)": 3, "four layers (refit)": 4}
"""Beside the two that ship. One layer is none: users are sums of their items either way."""


def variants(depths: bool, wanted: Sequence[str]) -> list[Ablated]:
    """What is compared: every part left out (or those that are wanted), or every depth of the network."""
    whole = SharedFits(IlkConfig())
    parts = [] if depths else [part for part in ablations(whole) if not wanted or part.name in wanted]
    if wanted:
        return [Ablated(WHOLE, whole), *parts]
    asked = DEPTHS if depths else {name: layers for name, layers in DEPTHS.items() if not layers}
    return [Ablated(WHOLE, whole), *parts, *(_of_depth(name, layers) for name, layers in asked.items())]


def _of_depth(name: str, layers: int) -> Ablated:
    config = replace(IlkConfig(), embedding=replace(IlkConfig().embedding, layers=layers))
    return Ablated(name, SharedFits(config))


def measure(
    folder: Path,
    seeds: tuple[int, ...],
    home: Path | None,
    depths: bool,
    newest: int | None = None,
    wanted: Sequence[str] = (),
) -> dict[str, object]:
    """Figures of every variant on one shop, by the split that it brings, if any. newest: so many of its
    newest events are all there is. wanted: parts; none: all."""
    on, worked = machine(), time.process_time()
    data = read_shop(EvaluateRequest(folder), load_settings(home), Reporter(Console(stderr=True)))
    said = {"newest_events": newest, "all_events": data.shop.n_events}
    given = data.given_split is not None
    result = evaluate(
        with_newest(data, newest),
        variants(depths, wanted),
        seeds,
        EvaluationProtocol.GIVEN_SPLIT if given else EvaluationProtocol.TEMPORAL,
        reference=WHOLE,
        settings=said,
    )
    measured = {"on": on, "processor_seconds": round(time.process_time() - worked, 1)}
    return result.as_json() | {"measured": measured}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", action="append", choices=(*SHOPS, *GIVEN_SPLITS))
    parser.add_argument("--parts", nargs="*", default=(), choices=[*PARTS, "learned mix"], help="default all")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--newest", type=int, help="of the events; default all")
    parser.add_argument("--layers", action="store_true", help="depths of the network, not parts")
    parser.add_argument("--home", type=Path, help="whose text cache is used; default as for ilk")
    given = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    for shop in given.only or SHOPS:
        seeds = tuple(int(seed) for seed in given.seeds.split(","))
        result = measure(given.data / shop, seeds, given.home, given.layers, given.newest, given.parts)
        path = RESULTS / f"{shop}-{'layers' if given.layers else 'ablations'}.json"
        path.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
        print(path.name)


if __name__ == "__main__":
    main()
