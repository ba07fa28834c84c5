"""What keeps served answers from getting worse: error rates of the gate, and poison with and without caps.

    python -m benchmarks.protection SHOP --json FILE

For poison a base is fitted on each of several first parts of the events, half a tenth of real events with the
attack mixed in is folded in, and the tenth after that judges; for the gate the base is fitted on 60 % and
blocks of 10 % follow. Baseline of the same run: the same stream without the attack for poison, an increment
of the same events with another seed for the gate.

What poison costs is judged twice: on every pair of items that followed each other, and with each such pair
once, however many users made it. Shops have rushes in which a hundred users turn to the same ten items in the
same order: as every pair they are a thousand cases and move as ten, and whether one target is tenth or
eleventh decides the mean.
"""

import argparse
import json
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from benchmarks.attacks import Attack, attacks
from benchmarks.gate_rates import gate_rates
from benchmarks.judged_pairs import Judged
from benchmarks.measurement import machine
from benchmarks.protected_shop import BLOCK, Protected
from gnn.ilk_config import IlkConfig
from gnn.live import InfluenceCaps, LiveConfig, LiveSignals
from gnn.training_config import TrainingConfig
from service.evaluating.evaluation import EvaluateRequest, read_shop
from service.reporter import Reporter
from service.settings import load_settings

OPEN = InfluenceCaps(user_item=0, user=0, new_users_item=0, crowd_factor=0)
BASES = (4, 5, 6, 7, 8)
"""Tenths before the poison, one base each."""
BATCH = 100
"""Events that are folded in at a time, as under load: one fold-in computes so many lists and no more."""


def poisoned(
    protected: Protected, attack: Attack | None, caps: InfluenceCaps
) -> tuple[dict[str, Judged], dict[str, int]]:
    """(quality on the real events after the stream, folded in and computed anew; what was damped)."""
    base = protected.shop.events(0, protected.tenths(protected.base))
    events = protected.attacked(attack)
    live = LiveSignals(protected.model, replace(base, text=None), LiveConfig(caps=caps))
    later = (protected.base + BLOCK / 2, protected.base + 1.5 * BLOCK)
    damped: dict[str, int] = {}
    for begin in range(0, len(events), BATCH):
        counters = live.fold_in(events.only(slice(begin, begin + BATCH))).counters
        for name in counters:
            if name.startswith("damped_"):
                damped[name] = damped.get(name, 0) + counters[name]
    during = protected.quality(live.model, *later)
    live.propagate()
    return {"during": during, "after": protected.quality(live.model, *later)}, damped


def poison_rows(bases: Sequence[Protected]) -> Iterator[dict[str, Any]]:
    """Every attack with and without caps, beside the same stream without an attack; all bases together."""
    for name, caps in (("caps", InfluenceCaps()), ("open", OPEN)):
        calm: dict[str, Judged] = {}
        for attack in (None, *attacks(bases[0].shop)):
            outcomes = [poisoned(base, attack, caps) for base in bases]
            found = {when: Judged.joined([one[0][when] for one in outcomes]) for when in outcomes[0][0]}
            calm = calm or found
            damped = Counter[str]()
            for _, counts in outcomes:
                damped.update(counts)
            row: dict[str, Any] = {"caps": name, "attack": attack.name if attack else "none"}
            row |= {when: judged.figures() for when, judged in found.items()}
            if attack:
                row |= {f"{when}_against_none": found[when].against(calm[when]) for when in found}
            yield row | {"damped": dict(damped)}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shop", type=Path)
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--trials", type=int, default=16, help="seeds of each block")
    parser.add_argument("--bases", type=int, nargs="*", default=BASES, help="tenths before the poison")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--encoder", default="hashing:128")
    parser.add_argument("--json", type=Path, help="where to keep the figures")
    wanted = parser.parse_args()
    torch.set_num_threads(1)
    print(machine())
    started = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(Path(folder), {"encoder": {"model": wanted.encoder}})
        data = read_shop(EvaluateRequest(wanted.shop), settings, Reporter(Console(quiet=True)))
    config = IlkConfig(training=TrainingConfig(min_epochs=wanted.epochs, max_epochs=wanted.epochs))
    shop = data.visible(0, data.shop.n_events)
    found: dict[str, Any] = {"dataset": data.dataset, "epochs": wanted.epochs, "encoder": wanted.encoder}
    if wanted.bases:
        bases = [Protected(shop, config, base) for base in wanted.bases]
        print(f"{data.dataset}: bases fitted in {time.perf_counter() - started:.0f} s", flush=True)
        found |= {"bases": list(wanted.bases), "poison": []}
        for row in poison_rows(bases):
            found["poison"].append(row)
            print(row, flush=True)
    if wanted.blocks:
        found["gate"] = gate_rates(Protected(shop, config), wanted.blocks, wanted.trials)
        print(found["gate"])
    found |= {"machine": machine(), "seconds": round(time.perf_counter() - started)}
    if wanted.json:
        wanted.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
