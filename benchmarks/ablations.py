"""What each part of the model is worth: one fit per shop and seed, then the same fit without a part.

    python -m benchmarks.ablations DATA_DIR [--only NAME] [--seeds 0]

As `ilk evaluate --ablate` (see `gnn.evaluation.ablation`); `refit` variants are trained anew.
Files go to `benchmarks/results/<shop>-ablations.json`.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from benchmarks.measurement import machine
from benchmarks.quality import RESULTS, SHOPS
from gnn import IlkConfig
from gnn.evaluation import evaluate
from gnn.evaluation.ablation import Ablated, SharedFits, ablations
from service.evaluating.evaluation import EvaluateRequest, read_shop
from service.reporter import Reporter
from service.settings import load_settings

WHOLE = "everything there"


def measure(folder: Path, seeds: tuple[int, ...], home: Path | None) -> dict[str, object]:
    """Figures of every variant on one shop."""
    data = read_shop(EvaluateRequest(folder), load_settings(home), Reporter(Console(stderr=True)))
    fits, flat = SharedFits(IlkConfig()), replace(IlkConfig().embedding, layers=0)
    variants = [Ablated(WHOLE, fits), *ablations(fits)]
    variants.append(Ablated("propagation (refit)", SharedFits(replace(IlkConfig(), embedding=flat))))
    result = evaluate(data, variants, seeds, reference=WHOLE)
    return result.as_json() | {"measured": {"on": machine()}}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", action="append", choices=SHOPS)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--home", type=Path, help="whose text cache is used; default as for ilk")
    given = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    for shop in given.only or SHOPS:
        result = measure(given.data / shop, tuple(int(s) for s in given.seeds.split(",")), given.home)
        path = RESULTS / f"{shop}-ablations.json"
        path.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
        print(path.name)


if __name__ == "__main__":
    main()
