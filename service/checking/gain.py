"""The gain to expect, measured: Ilk and item-kNN learn from the older events and guess the newest ones."""

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl

from encoders import EncoderError
from gnn.evaluation import EvaluationResult
from service.checking.scan import Scan
from service.errors import CallerMistake
from service.evaluating.evaluation import EvaluateRequest, run_evaluation
from service.intake.shop_files import event_columns, item_columns
from service.reporter import Reporter
from service.settings import Settings

RIVAL = "item-knn"
MIN_EVENTS = 1_000
MAX_ITEMS = 20_000
"""Of a larger catalogue only the items of the newest events take part: the trial is to be quick."""
HIT_METRIC = {"next": "hr@10", "basket": "hr@10", "links": "recall@10", "user_next": "recall@20"}


@dataclass(frozen=True)
class GainRow:
    """One task: how often each of the two was right."""

    slice: str
    """As in `ilk evaluate`, e.g. `next/warm`."""
    metric: str
    ilk: float
    rival: float
    cases: int
    verdict: str
    """`better`, `worse`, `even` (by a 95 % interval of the task's main figure) or `too few cases`."""


@dataclass(frozen=True)
class Gain:
    """What the trial found, or why there was none."""

    rival: str = RIVAL
    events: int = 0
    """Newest events that took part."""
    items: int = 0
    rows: tuple[GainRow, ...] = ()
    skipped: str | None = None
    """Why nothing was measured, in one sentence."""


def measure_gain(scan: Scan, settings: Settings, reporter: Reporter) -> Gain:
    """Judge Ilk beside item-kNN on the newest events by the protocol of `ilk evaluate`; the home only lends
    its cache of encoded texts."""
    newest, items = scan.newest, _taking_part(scan)
    skipped = _why_not(newest)
    if skipped:
        return Gain(skipped=skipped)
    with tempfile.TemporaryDirectory(prefix="ilk-check-") as folder:
        shop = Path(folder) / "shop"
        _write(shop, items, newest, scan.links)
        request = EvaluateRequest(shop, "ilk", models=("ilk", RIVAL))
        try:
            result = run_evaluation(request, settings, reporter)
        except (EncoderError, CallerMistake) as error:
            return Gain(
                skipped=f"The trial could not run: {str(error).replace(str(shop), 'the newest events')}"
            )
    gain = _gain(result)
    return replace(gain, events=newest.height, items=items.height)


def _why_not(newest: pl.DataFrame) -> str | None:
    if newest.height < MIN_EVENTS:
        return (
            f"There are {newest.height:,} events; fewer than {MIN_EVENTS:,} say nothing certain, so no trial "
            "was made."
        )
    if newest["at"].n_unique() < 10:
        return (
            "The events carry hardly any times, so that old and new cannot be told apart: no trial was made."
        )
    return None


def _taking_part(scan: Scan) -> pl.DataFrame:
    if scan.items.height <= MAX_ITEMS:
        return scan.items
    return scan.items.join(scan.newest, on="item_id", how="semi", maintain_order="left")


def _write(shop: Path, items: pl.DataFrame, events: pl.DataFrame, links: pl.DataFrame) -> None:
    shop.mkdir()
    item_columns(items).write_parquet(shop / "items.parquet")
    event_columns(events).write_parquet(shop / "events.parquet")
    if links.height:
        links.write_parquet(shop / "links.parquet")


def _gain(result: EvaluationResult) -> Gain:
    models: dict[str, Any] = dict(result.as_json()["models"])  # type: ignore[call-overload]  # JSON is untyped
    rows = []
    for found in result.comparisons:
        task = found.slice.partition("/")[0]
        if found.against != RIVAL or task not in HIT_METRIC:
            continue
        metric = HIT_METRIC[task]
        ilk, rival = (_figure(models[name], found.slice, metric) for name in ("ilk", RIVAL))
        verdict = found.verdict if found.decides else "too few cases"
        rows.append(GainRow(found.slice, metric, ilk, rival, found.n, verdict))
    if not rows:
        return Gain(skipped="The newest events hold no case to judge: nobody comes back, nothing is linked.")
    return Gain(rows=tuple(rows))


def _figure(figures: dict[str, Any], path: str, metric: str) -> float:
    for name in path.split("/"):
        figures = figures[name]
    return float(figures[metric])
