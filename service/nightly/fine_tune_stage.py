"""Fine-tuning the text model on what shoppers took one after the other or together, and whether it pays."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from encoders import VIEW_SEPARATOR, Adapter, CoEngaged, FineTuned, FineTuning, ModelFiles, fine_tune
from encoders.fine_tuning import StepFn
from gnn.checkpoints import Checkpoint, Checkpoints
from gnn.histories import basket_pairs, block_start, group_by_user, next_pairs
from gnn.shop_arrays import ShopArrays

HELD_PAIRS = 600
"""Of the newest events: half of them choose the moment, half judge."""
POOL = 1_000
"""Items among which a held-out target is looked for."""
MIN_PAIRS = 100
"""Pairs to learn from and to judge below which nothing is tried."""
STANDARD_ERRORS = 1.0
"""So sure must the gain be; see `worth_it`."""
_NAME = "adapter"


@dataclass(frozen=True)
class Tuned:
    """What a release is told of its text model's fine-tuning."""

    adapter: Adapter | None
    """None: the text model as it came."""
    record: dict[str, Any]
    """`events` learned from, `accepted`, and the figures."""


def co_engaged(shop: ShopArrays, texts: Sequence[str], seed: int) -> tuple[CoEngaged, npt.NDArray[np.bool_]]:
    """(pairs of a shop, which held-out ones have a target without an event before them).

    shop: texts play no part. texts: of each item, views included; only the first one is read, "" for none.
    Older events teach, those of the newest ninth judge, as in `gnn.fitting`.
    """
    histories = group_by_user(shop)
    found = [np.stack(pairs) for pairs in (next_pairs(histories), basket_pairs(histories))]
    query, target, position = np.concatenate(found, axis=1)
    has_text = np.array([bool(text.strip()) for text in texts], np.bool_)
    known = has_text[query] & has_text[target]
    late = position >= block_start(shop.n_events)
    pairs = np.stack([query, target], axis=1)
    rng = np.random.default_rng(seed)
    held = rng.permutation(pairs[known & late])[:HELD_PAIRS]
    others = np.setdiff1d(np.flatnonzero(has_text), held[:, 1])
    room = max(0, POOL - len(np.unique(held[:, 1])))
    pool = np.union1d(held[:, 1], rng.permutation(others)[:room])
    seen = np.bincount(shop.item[: block_start(shop.n_events)], minlength=shop.n_items) > 0
    first_views = [text.partition(VIEW_SEPARATOR)[0] for text in texts]
    return CoEngaged(first_views, pairs[known & ~late], held, pool), ~seen[held[:, 1]]


def worth_it(done: FineTuned, cold: npt.NDArray[np.bool_]) -> bool:
    """Whether pairs that chose nothing rank better by over a standard error, and the cold ones no worse."""
    if done.adapter is None:
        return False
    gain, cold = (done.after - done.before)[done.judges], cold[done.judges]
    sure = STANDARD_ERRORS * float(gain.std()) / max(1.0, float(np.sqrt(len(gain))))
    return bool(gain.mean() > sure and (not cold.any() or gain[cold].mean() >= 0))


def tune(
    files: ModelFiles, shop: ShopArrays, texts: Sequence[str], how: FineTuning, seed: int, progress: StepFn
) -> Tuned:
    """Fine-tune, judge and say so. Raises what `encoders.fine_tune` raises."""
    pairs, cold = co_engaged(shop, texts, seed)
    record: dict[str, Any] = {"events": shop.n_events, "accepted": False, "pairs": len(pairs.train)}
    if min(len(pairs.train), len(pairs.held)) < MIN_PAIRS:
        return Tuned(None, record | {"reason": f"fewer than {MIN_PAIRS} pairs with texts"})
    done = fine_tune(files, pairs, how, seed, progress)
    accepted = worth_it(done, cold)
    return Tuned(done.adapter if accepted else None, record | {"accepted": accepted} | figures(done, cold))


def figures(done: FineTuned, cold: npt.NDArray[np.bool_]) -> dict[str, Any]:
    """NDCG@10 by text alone before and after, of the pairs that judge; `cold`: targets without events."""
    before, after, cold = done.before[done.judges], done.after[done.judges], cold[done.judges]
    told: dict[str, Any] = {"steps": done.steps, "best_step": done.best_step}
    for name, mask in (("all", np.ones(len(cold), np.bool_)), ("warm", ~cold), ("cold", cold)):
        told[name] = {
            "n": int(mask.sum()),
            "before": float(before[mask].mean()) if mask.any() else None,
            "after": float(after[mask].mean()) if mask.any() else None,
        }
    return told


def keep_tuned(checkpoints: Checkpoints, tuned: Tuned) -> None:
    """Keep it, for a refresh that is interrupted later."""

    def make() -> Checkpoint:
        content = b"" if tuned.adapter is None else tuned.adapter.content
        return Checkpoint({"adapter": np.frombuffer(content, np.uint8)}, {"record": tuned.record})

    checkpoints.save(_NAME, make, final=True)


def kept_tuned(checkpoints: Checkpoints) -> Tuned | None:
    """What an interrupted refresh had kept."""
    kept = checkpoints.load(_NAME)
    if kept is None:
        return None
    content = kept.arrays["adapter"].tobytes()
    return Tuned(Adapter.from_content(content) if content else None, kept.values["record"])
