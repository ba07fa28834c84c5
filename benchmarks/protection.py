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
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import permutations
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
from gnn.increment_exam import IncrementExam, PairedScores, increment_exam
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
BASES = (4, 5, 6, 7, 8)
"""Tenths before the poison, one base each."""
NOISY = 2
"""Of so many increments one is made worse by noise: that takes several exams."""
BATCH = 100
"""Events that are folded in at a time, as under load: one fold-in computes so many lists and no more."""


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
    yield Attack("2,000 new users, any two items", users, rng.integers(0, shop.n_items, 4000))


@dataclass(frozen=True)
class Judged:
    """NDCG@10 of every pair that was asked for, whose it is and what it is."""

    values: Values
    user: IntArray
    query: IntArray
    target: IntArray

    @classmethod
    def joined(cls, parts: "list[Judged]") -> "Judged":
        """Those of several bases."""
        columns = zip(*((one.values, one.user, one.query, one.target) for one in parts), strict=True)
        return cls(*(np.concatenate(column) for column in columns))

    def figures(self) -> dict[str, float]:
        """Means over all pairs, and over different ones."""
        return {"every pair": float(self.values.mean()), "each pair once": float(self.once().values.mean())}

    def once(self) -> "Judged":
        """Each (query, target) once: the mean of its values, which are one where there was one base."""
        keys = np.stack([self.query, self.target])
        pairs, first, place = np.unique(keys, axis=1, return_index=True, return_inverse=True)
        place = place.ravel()
        values = np.bincount(place, weights=self.values) / np.bincount(place)
        return Judged(values, self.user[first], pairs[0], pairs[1])

    def against(self, other: "Judged") -> dict[str, list[float]]:
        """Share of the other's mean by which this one is better: difference and its 95 % interval; users are
        resampled for every pair, targets for different ones, for those of one target move together."""
        found = {}
        for name, ours, theirs, cluster in (
            ("every pair", self, other, self.user),
            ("each pair once", self.once(), other.once(), self.once().target),
        ):
            difference = (ours.values - theirs.values)[None, :]
            interval = paired_intervals(difference, cluster, np.random.default_rng(0))[0]
            base = float(theirs.values.mean())
            found[name] = [round(one / base, 4) for one in (interval.difference, interval.low, interval.high)]
        return found


class Protected:
    """A base model and the shop's events in order of time."""

    def __init__(self, shop: ShopArrays, config: IlkConfig, base: int = BASE) -> None:
        self.shop, self.config, self.base = shop, config, base
        fit = fit_with(config, shop.events(0, self.tenths(base)), 0)
        assert fit.model.weights is not None
        self.model = fit.model
        self.weights = fit.model.weights

    def tenths(self, tenths: float) -> int:
        """Events up to there."""
        return int(self.shop.n_events * tenths / 10)

    def block(self, number: int) -> tuple[ShopArrays, IntArray, IntArray]:
        """(all events up to a block's end, those to learn from, those that judge)."""
        start, stop = self.tenths(self.base + number), self.tenths(self.base + number + BLOCK)
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
        known = np.bincount(shop.item[: self.tenths(self.base)], minlength=shop.n_items) > 0
        asked = (position >= self.tenths(start)) & known[target] & known[query]
        pairs = Pairs(query[asked], target[asked], shop.user[position[asked]])

        def score(rows: IntArray) -> FloatArray:
            return model.score_similar(rows, Objective.NEXT)

        values = single_ndcg_at_k(pair_ranks(score, pairs, shop.n_items), 10)
        return Judged(values, pairs.user, pairs.query, pairs.target)

    def attacked(self, attack: Attack | None) -> LiveEvents:
        """Half a block of real events with an attack mixed in."""
        start, stop = self.tenths(self.base), self.tenths(self.base + BLOCK / 2)
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
    """How often the gate speaks against another seed, and against noise that costs a tenth.

    Of each block some increments with seeds of their own are made, and each is held against each other as
    candidate and as serving: with one reference for all, one lucky seed would decide every trial.
    """
    same: Counter[str] = Counter()
    parts: Counter[str] = Counter()
    spread: list[float] = []
    worse: list[IncrementVerdict] = []
    losses: list[float] = []
    for number in range(blocks):
        shop, learned, held = protected.block(number)
        seen = shop.events(0, int(held[0]))
        served = protected.served(seen)
        exams: list[IncrementExam] = []
        for seed in range(trials):
            model = protected.trained(served, seen, learned, seed)
            exams.append(increment_exam(model, served, shop, held))
            if seed % NOISY == 0:
                lost, exam = tenth_worse(model, shop, held, seed)
                losses.append(lost)
                worse.append(judge_increment(exam, GATE))
        for one, other in permutations(exams, 2):
            verdict = judge_increment(held_against(one, other), GATE)
            same[verdict.outcome.value] += 1
            parts.update(_deciding(verdict))
        means = [float(exam.newest.candidate.mean()) for exam in exams]
        spread.append(statistics.stdev(means) / statistics.mean(means))
        print(f"block {number + 1}: {dict(same)} | {_counts(worse)} at {np.mean(losses):.1%}", flush=True)
    return {
        "models": blocks * trials,
        "same_data_other_seed": dict(same),
        "same_data_other_seed_rejected_for": dict(parts),
        "spread_of_seeds": [round(one, 4) for one in spread],
        "a_tenth_worse": _counts(worse),
        "a_tenth_worse_by_quality_alone": sum(bool(_deciding(one)) for one in worse),
        "losses": [round(lost, 4) for lost in losses],
    }


def held_against(candidate: IncrementExam, serving: IncrementExam) -> IncrementExam:
    """The exam of two models that sat the same one; what health says is taken from the candidate's own."""

    def pair(one: PairedScores, other: PairedScores) -> PairedScores:
        return PairedScores(one.candidate, other.candidate, one.cluster)

    return IncrementExam(
        pair(candidate.newest, serving.newest),
        pair(candidate.old, serving.old),
        pair(candidate.cold, serving.cold),
        candidate.figures,
    )


def tenth_worse(
    model: FittedIlk, shop: ShopArrays, held: IntArray, seed: int, steps: int = 7
) -> tuple[float, IncrementExam]:
    """(loss on the newest events, exam) of the noisy model that comes nearest to a tenth from below."""
    low, high = 0.0, 8.0
    found: tuple[float, IncrementExam] | None = None
    for _ in range(steps):
        middle = (low + high) / 2
        exam = increment_exam(worsened(model, middle, seed), model, shop, held)
        lost = 1 - float(exam.newest.candidate.mean() / exam.newest.serving.mean())
        low, high = (low, middle) if lost > 0.1 else (middle, high)
        if lost <= 0.1 and (found is None or lost > found[0]):
            found = lost, exam
    assert found is not None  # noise next to nothing costs less than a tenth
    return found


def _deciding(verdict: IncrementVerdict) -> list[str]:
    """The tests that speak against a candidate."""
    return [name for name, test in verdict.tests.items() if test.outcome is Outcome.WORSE]


def _counts(verdicts: list[IncrementVerdict]) -> dict[str, int]:
    return {outcome.value: sum(one.outcome is outcome for one in verdicts) for outcome in Outcome}


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
