"""What keeps served answers from getting worse: error rates of the gate, and poison with and without caps.

    python -m benchmarks.protection SHOP --json FILE

One base is fitted on the first 60 % of the events; blocks of 10 % follow. Baseline of the same run: the
serving weights for the gate, the same stream without the attack for poison.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from benchmarks.measurement import machine
from gnn.evaluation.bootstrap import paired_intervals
from gnn.evaluation.cases import Pairs
from gnn.evaluation.metrics import Values, single_ndcg_at_k
from gnn.evaluation.ranking import pair_ranks
from gnn.fitted_ilk import FittedIlk
from gnn.fitting import fit_with
from gnn.histories import group_by_user, next_pairs
from gnn.ilk_config import IlkConfig
from gnn.increment_exam import increment_exam
from gnn.incremental import update
from gnn.incremental_config import IncrementalConfig
from gnn.item_signals import with_weights
from gnn.live import InfluenceCaps, LiveConfig, LiveEvents, LiveSignals
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from gnn.training_config import TrainingConfig
from service.evaluating.evaluation import EvaluateRequest, read_shop
from service.increments.gate import IncrementVerdict, judge_increment
from service.increments.hop import Outcome
from service.reporter import Reporter
from service.settings import IncrementGateSettings, load_settings

OPEN = InfluenceCaps(user_item=0, user=0, new_users_item=0, crowd_factor=0)
GATE = IncrementGateSettings()
BASE, BLOCK = 6, 1
"""Tenths of the events."""


@dataclass(frozen=True)
class Attack:
    """Who does what, in order."""

    name: str
    user: IntArray
    item: IntArray


def attacks(shop: ShopArrays) -> Iterator[Attack]:
    """By users whom the shop does not know; storms push its most popular item."""
    rng = np.random.default_rng(0)
    popular = int(np.bincount(shop.item, minlength=shop.n_items).argmax())
    everything = np.concatenate([rng.permutation(shop.n_items) for _ in range(5)])
    item = np.stack([everything, np.full_like(everything, popular)], axis=1).ravel()
    yield Attack("one user buys everything", np.full(len(item), shop.n_users), item)
    rare = int(np.bincount(shop.item, minlength=shop.n_items).argmin())
    users = np.repeat(shop.n_users + np.arange(2000), 2)
    yield Attack("2,000 new users do one thing", users, np.tile([popular, rare], 2000))
    item = np.stack([rng.integers(0, shop.n_items, 2000), np.full(2000, popular)], axis=1)
    yield Attack("2,000 new users, some item and one", users, item.ravel())
    user = shop.n_users + rng.integers(0, 5, 20_000)
    yield Attack("5 scripts, random edges", user, rng.integers(0, shop.n_items, 20_000))


@dataclass(frozen=True)
class Judged:
    """NDCG@10 of every pair that was asked for, and whose it is."""

    values: Values
    user: IntArray

    def against(self, other: "Judged") -> list[float]:
        """Share of the other's mean by which this one is better: difference and its 95 % interval."""
        difference = (self.values - other.values)[None, :]
        interval = paired_intervals(difference, self.user, np.random.default_rng(0))[0]
        base = float(other.values.mean())
        return [round(one / base, 4) for one in (interval.difference, interval.low, interval.high)]


class Protected:
    """A base model and the shop's events in order of time."""

    def __init__(self, shop: ShopArrays, config: IlkConfig) -> None:
        self.shop, self.config = shop, config
        fit = fit_with(config, shop.events(0, self.tenths(BASE)), 0)
        assert fit.model.weights is not None
        self.model = fit.model
        self.weights = fit.model.weights

    def tenths(self, tenths: float) -> int:
        """Events up to there."""
        return int(self.shop.n_events * tenths / 10)

    def block(self, number: int) -> tuple[ShopArrays, IntArray, IntArray]:
        """(all events up to a block's end, those to learn from, those that judge)."""
        start, stop = self.tenths(BASE + number), self.tenths(BASE + number + BLOCK)
        held = start + (stop - start) * 4 // 5
        return self.shop.events(0, stop), np.arange(start, held), np.arange(held, stop)

    def served(self, seen: ShopArrays) -> FittedIlk:
        """Every signal from the events seen, with the base's weights."""
        signals = LiveSignals(self.model, replace(seen, text=None)).signals()
        return FittedIlk(signals, self.model.mixes, self.model.user_mix, self.config, self.weights)

    def trained(self, served: FittedIlk, seen: ShopArrays, new: IntArray, seed: int) -> FittedIlk:
        """An increment on top."""
        text = served.signals.text
        done = update(self.weights, self.config, seen, text, new, IncrementalConfig(), seed)
        signals = with_weights(served.signals, self.config, seen, done.weights)
        return FittedIlk(signals, served.mixes, served.user_mix, self.config, done.weights)

    def quality(self, model: FittedIlk, start: float, stop: float) -> Judged:
        """NDCG@10 of `next` on the real events between two tenths."""
        shop = self.shop.events(0, self.tenths(stop))
        query, target, position = next_pairs(group_by_user(shop))
        known = np.bincount(shop.item[: self.tenths(BASE)], minlength=shop.n_items) > 0
        asked = (position >= self.tenths(start)) & known[target] & known[query]
        pairs = Pairs(query[asked], target[asked], shop.user[position[asked]])

        def score(rows: IntArray) -> FloatArray:
            return model.score_similar(rows, Objective.NEXT)

        return Judged(single_ndcg_at_k(pair_ranks(score, pairs, shop.n_items), 10), pairs.user)

    def attacked(self, attack: Attack | None) -> LiveEvents:
        """Half a block of real events with an attack mixed in."""
        start, stop = self.tenths(BASE), self.tenths(BASE + BLOCK / 2)
        real = self.shop.events(0, stop)
        n_real, n_bad = stop - start, 0 if attack is None else len(attack.user)
        places = np.sort(np.random.default_rng(1).permutation(n_real + n_bad)[:n_real])
        is_real = np.zeros(n_real + n_bad, np.bool_)
        is_real[places] = True
        user, item = np.empty((2, n_real + n_bad), np.int64)
        user[is_real], item[is_real] = real.user[start:], real.item[start:]
        weight, relation = np.ones(len(user), np.float32), np.zeros(len(user), np.int8)
        weight[is_real], relation[is_real] = real.weight[start:], real.relation[start:]
        if attack is not None:
            user[~is_real], item[~is_real] = attack.user, attack.item
            relation[~is_real], weight[~is_real] = real.relation[-1], np.median(real.weight)
        at = np.full(len(user), real.at[start - 1])
        at[is_real] = real.at[start:]
        at = np.maximum.accumulate(at)
        return LiveEvents(user, item, at, weight, relation, np.arange(len(user)))


def worsened(model: FittedIlk, amplitude: float, seed: int) -> FittedIlk:
    """Noise on every trained vector."""
    vectors = model.signals.embedding
    assert vectors is not None
    noise = np.random.default_rng(seed).normal(size=vectors.shape) / np.sqrt(vectors.shape[1])
    signals = replace(model.signals, embedding=(vectors + amplitude * noise).astype(np.float32))
    return FittedIlk(signals, model.mixes, model.user_mix, model.config, model.weights)


def gate_rates(protected: Protected, blocks: int, trials: int) -> dict[str, Any]:
    """How often the gate speaks against another seed, and against noise that costs a tenth."""
    same: list[IncrementVerdict] = []
    worse: list[IncrementVerdict] = []
    losses: list[float] = []
    for number in range(blocks):
        shop, learned, held = protected.block(number)
        seen = shop.events(0, int(held[0]))
        served = protected.served(seen)
        reference = protected.trained(served, seen, learned, 1000)

        def loss(amplitude: float, seed: int, model: FittedIlk = reference) -> tuple[float, IncrementVerdict]:
            exam = increment_exam(worsened(model, amplitude, seed), model, shop, held)  # noqa: B023
            return 1 - float(exam.newest.candidate.mean() / exam.newest.serving.mean()), judge_increment(
                exam, GATE
            )

        low, high = 0.0, 8.0
        for _ in range(7):
            middle = (low + high) / 2
            low, high = (low, middle) if loss(middle, 99)[0] > 0.1 else (middle, high)
        for seed in range(trials):
            other = protected.trained(served, seen, learned, seed)
            same.append(judge_increment(increment_exam(other, reference, shop, held), GATE))
            lost, verdict = loss(low, seed)
            losses.append(lost)
            worse.append(verdict)
        print(f"block {number + 1}: {_counts(same)} | {_counts(worse)} at {np.mean(losses):.1%}", flush=True)
    return {
        "same_data_other_seed": _counts(same),
        "a_tenth_worse": _counts(worse),
        "a_tenth_worse_by_quality_alone": sum(
            any(test.outcome is Outcome.WORSE for test in one.tests.values()) for one in worse
        ),
        "mean_loss": float(np.mean(losses)),
    }


def _counts(verdicts: list[IncrementVerdict]) -> dict[str, int]:
    return {outcome.value: sum(one.outcome is outcome for one in verdicts) for outcome in Outcome}


def poisoned(
    protected: Protected, attack: Attack | None, caps: InfluenceCaps
) -> tuple[dict[str, Judged], dict[str, int]]:
    """(quality on the real events after the stream, folded in and computed anew; what was damped)."""
    base = protected.shop.events(0, protected.tenths(BASE))
    events = protected.attacked(attack)
    live = LiveSignals(protected.model, replace(base, text=None), LiveConfig(caps=caps))
    later = (BASE + BLOCK / 2, BASE + 1.5 * BLOCK)
    counters = live.fold_in(events).counters
    during = protected.quality(live.model, *later)
    live.propagate()
    damped = {name: count for name, count in counters.items() if name.startswith("damped_")}
    return {"during": during, "after": protected.quality(live.model, *later)}, damped


def poison_rows(protected: Protected) -> Iterator[dict[str, Any]]:
    """Every attack with and without caps, beside the same stream without an attack."""
    for name, caps in (("caps", InfluenceCaps()), ("open", OPEN)):
        calm, damped = poisoned(protected, None, caps)
        means = {when: float(judged.values.mean()) for when, judged in calm.items()}
        yield {"caps": name, "attack": "none", **means, "damped": damped}
        for attack in attacks(protected.shop):
            found, damped = poisoned(protected, attack, caps)
            means = {when: float(judged.values.mean()) for when, judged in found.items()}
            against = {f"{when}_against_none": found[when].against(calm[when]) for when in found}
            yield {"caps": name, "attack": attack.name, **means, **against, "damped": damped}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("shop", type=Path)
    parser.add_argument("--blocks", type=int, default=3)
    parser.add_argument("--trials", type=int, default=10, help="seeds of each block")
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
    protected = Protected(data.visible(0, data.shop.n_events), config)
    print(f"{data.dataset}: base fitted in {time.perf_counter() - started:.0f} s", flush=True)
    rows = []
    for found_row in poison_rows(protected):
        rows.append(found_row)
        print(found_row, flush=True)
    found = {"dataset": data.dataset, "epochs": wanted.epochs, "encoder": wanted.encoder, "poison": rows}
    found["gate"] = gate_rates(protected, wanted.blocks, wanted.trials)
    found |= {"machine": machine(), "seconds": round(time.perf_counter() - started)}
    print(found["gate"])
    if wanted.json:
        wanted.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
