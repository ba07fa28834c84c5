"""Whether fine-tuning the text model pays: a shop's temporal protocol with texts as they came and fine-tuned.

`python -m benchmarks.fine_tuning PATH [--steps 200] [--models ilk,text]`; the newest tenth of the events, the
one that is judged, plays no part in the fine-tuning. Both are shown whatever the gate says. Baseline: the
same models with the texts as they came.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
from rich.console import Console

from benchmarks.measurement import machine
from encoders import (
    VIEW_SEPARATOR,
    BertEncoder,
    CachedEncoder,
    EmbeddingCache,
    FineTuning,
    ViewEncoder,
    fine_tune,
    item_views_of,
)
from gnn import IlkModel, Recommender
from gnn.baselines import BASELINES, Tuning, baseline
from gnn.evaluation import EvaluationData, EvaluationProtocol, evaluate
from graph.formats import open_shop
from service.evaluating.evaluation import EvaluateRequest, read_shop
from service.home import Home
from service.nightly.fine_tune_stage import co_engaged, figures, worth_it
from service.reporter import Reporter
from service.settings import load_settings
from service.texts import open_texts

TEST_SHARE = 0.1


def main() -> None:
    """Fine-tune, judge both, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--steps", type=int, default=FineTuning().steps)
    parser.add_argument("--rate", type=float, default=FineTuning().learning_rate)
    parser.add_argument("--models", default="text,ilk")
    parser.add_argument("--cache", type=Path, help="a home whose text cache is used; default: a new one")
    given = parser.parse_args()
    print(machine())
    assert set(given.models.split(",")) <= {"ilk", *BASELINES}
    with tempfile.TemporaryDirectory() as folder:
        compare(given, given.cache or Path(folder) / "home")


def compare(given: argparse.Namespace, root: Path) -> None:
    """Print the gate's figures and one line per model, task and texts."""
    data = read_shop(EvaluateRequest(given.path), load_settings(root), Reporter(Console(quiet=True)))
    texts = item_views_of(_items(given.path, [str(one) for one in _ids(data)]))
    plain = open_texts(load_settings(root), Home(root)).cutter
    assert plain is not None
    learned = data.shop.events(0, data.shop.n_events - round(TEST_SHARE * data.shop.n_events))
    began, spent = time.perf_counter(), time.process_time()
    pairs, cold = co_engaged(learned, texts, seed=0)
    how = FineTuning(steps=given.steps, learning_rate=given.rate)
    done = fine_tune(plain.files, pairs, how, seed=0)
    seconds, processor = time.perf_counter() - began, time.process_time() - spent
    print(f"fine-tuning on {len(pairs.train):,} pairs: {seconds:.0f} s, {processor:.0f} of the processor")
    print(json.dumps(figures(done, cold)), "gate:", worth_it(done, cold), flush=True)
    if done.adapter is None:
        print("no moment was better than the texts as they came")
        return
    tuned = BertEncoder(plain.files, plain.settings, done.adapter)
    cached = CachedEncoder(tuned, EmbeddingCache(Home(root).text_cache))
    shop = replace(
        data.shop,
        text=ViewEncoder(cached).encode(texts),
        whole_text=cached.encode([one.partition(VIEW_SEPARATOR)[0] for one in texts]),
    )
    print(f"adapter: {len(done.adapter.content):,} bytes", flush=True)
    for name, judged in (("as it came", data), ("fine-tuned", replace(data, shop=shop))):
        result = evaluate(judged, _models(given.models), (0,), EvaluationProtocol.TEMPORAL)
        print(name, json.dumps(result.as_json()["models"]), flush=True)


def _models(names: str) -> list[Recommender]:
    return [IlkModel() if one == "ilk" else baseline(one, Tuning.NONE) for one in names.split(",")]


def _ids(data: EvaluationData) -> list[object]:
    return [] if data.item_ids is None else list(data.item_ids)


def _items(path: Path, item_ids: list[str]) -> pl.DataFrame:
    frames = [batch.frame for batch in open_shop(path, "auto").items()]
    known = pl.concat(frames).unique("item_id", keep="last", maintain_order=True)
    return pl.DataFrame({"item_id": item_ids}).join(known, on="item_id", how="left", maintain_order="left")


if __name__ == "__main__":
    main()
