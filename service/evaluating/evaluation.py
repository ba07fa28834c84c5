"""Quality on a shop's files: read them, encode the texts, let the protocol judge."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from encoders import item_texts, item_views_of
from gnn import IlkModel, Recommender
from gnn.baselines import BASELINES, Tuning, baseline
from gnn.evaluation import (
    EvaluationData,
    EvaluationProtocol,
    EvaluationResult,
    UnfitData,
    evaluate,
    evaluation_data,
)
from gnn.evaluation.ablation import LEFT_OUT, Ablated, SharedFits, ablations
from gnn.evaluation.stream import StreamConfig, stream
from gnn.evaluation.stream_result import StreamResult
from gnn.incremental_config import IncrementalConfig
from graph.event_type import RELATION_OF, RELATIONS
from graph.formats import ShopReader, open_shop
from graph.formats.lightgcn import LightGcnShop
from graph.frames import empty_events, empty_items
from graph.refund import is_refund
from service.errors import CallerMistake
from service.evaluating.category_arrays import category_arrays
from service.evaluating.increments_as_served import IncrementsAsServed
from service.evaluating.refunds import taken_back
from service.evaluating.review_pooling import ReviewPooling
from service.home import Home
from service.model_config import model_config
from service.reporter import Reporter
from service.settings import Settings
from service.shop_snapshot import brand_indices
from service.texts import open_texts

SESSION_PREFIX = "\0session:"
"""Keeps sessions apart from users of the same id; never leaves the evaluation."""


@dataclass(frozen=True)
class EvaluateRequest:
    """What `ilk evaluate` was asked for."""

    path: Path
    format_name: str = "auto"
    mapping: Path | None = None
    protocol: str = "temporal"
    models: tuple[str, ...] = ("ilk",)
    seeds: tuple[int, ...] = (0,)
    windows: int = 1
    tune: str = "none"
    ablate: bool = False
    """Ilk also without each of its parts."""
    as_served: bool = False
    """The protocol `stream` makes increments by the rule of `ilk serve`."""


def run_evaluation(request: EvaluateRequest, settings: Settings, reporter: Reporter) -> EvaluationResult:
    """Judge the models on the files; nothing is loaded into the home, only its text cache is used.

    Raises `UnreadableInput`, `CallerMistake` (unknown model, data that do not suit the protocol).
    """
    if request.as_served:
        raise CallerMistake("--as-served belongs to --protocol stream")
    models = evaluation_models(request, settings)
    data = read_shop(request, settings, reporter)
    shop = data.shop
    reporter.say(
        f"  {data.dataset}: {shop.n_events:,} events, {shop.n_users:,} users, {shop.n_items:,} items"
    )
    with reporter.stage("evaluate") as stage:
        try:
            return evaluate(
                data,
                models,
                request.seeds,
                EvaluationProtocol(request.protocol),
                stage.step,
                windows=request.windows,
                settings={"tune": request.tune},
            )
        except UnfitData as error:
            raise CallerMistake(f"{request.path}: {error}") from None


def run_stream(request: EvaluateRequest, settings: Settings, reporter: Reporter) -> StreamResult:
    """The protocol `stream`: Ilk alone, kept fresh in four ways. Raises as `run_evaluation`."""
    if request.windows != 1:
        raise CallerMistake("--protocol stream has windows of its own: leave --windows away")
    if request.ablate:
        raise CallerMistake("--protocol stream judges the whole model: leave --ablate away")
    data = read_shop(request, settings, reporter)
    model = model_config(settings.model)
    rule = partial(IncrementsAsServed, settings.increment) if request.as_served else None
    config = StreamConfig(model, IncrementalConfig(device=model.training.device), rule)
    with reporter.stage("evaluate") as stage:
        try:
            return stream(data, config, request.seeds, stage.step)
        except UnfitData as error:
            raise CallerMistake(f"{request.path}: {error}") from None


def model_names(text: str) -> tuple[str, ...]:
    """Comma-separated names -> names; `all` stands for Ilk and every baseline."""
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    return ("ilk", *BASELINES) if names == ("all",) else names


def evaluation_models(request: EvaluateRequest, settings: Settings) -> list[Recommender]:
    """The models asked for, in their order, then Ilk without its parts. Raises `CallerMistake`."""
    if not request.ablate:
        return [_model(name, request, settings) for name in request.models]
    if "ilk" not in request.models:
        raise CallerMistake("--ablate takes parts from ilk: name it among --models")
    fits = SharedFits(model_config(settings.model))
    named: list[Recommender] = [
        Ablated(name, fits) if name == "ilk" else _model(name, request, settings) for name in request.models
    ]
    return [*named, *ablations(fits, LEFT_OUT, reviews=settings.encoder.reviews.share > 0)]


def _model(name: str, request: EvaluateRequest, settings: Settings) -> Recommender:
    if name == "ilk":
        return IlkModel(model_config(settings.model))
    if name not in BASELINES:
        raise CallerMistake(f"no model '{name}'; there are: ilk, {', '.join(BASELINES)}")
    return baseline(name, Tuning(request.tune))


def read_shop(request: EvaluateRequest, settings: Settings, reporter: Reporter) -> EvaluationData:
    """The files as arrays, texts encoded. Raises as `run_evaluation` does."""
    reader = open_shop(request.path, request.format_name, request.mapping, settings.cleaning.rules())
    with reporter.stage("read") as stage:
        items = _joined([batch.frame for batch in reader.items()], empty_items())
        items = items.unique("item_id", keep="last", maintain_order=True)
        events = _joined([batch.frame for batch in reader.events()], empty_events())
        links = [batch.frame for batch in reader.links()]
        stage.note = f"{reader.format}: {items.height:,} items, {events.height:,} events"
    if not events.height:
        raise CallerMistake(f"{request.path}: no events to evaluate on")
    home = Home(settings.home)
    home.create()
    texts = open_texts(settings, home)
    with reporter.stage("encode") as stage:
        text = texts.items.encode(item_views_of(items), stage.progress)
        whole_text = texts.encoder.encode(item_texts(items))  # cached: the first view of every item
        stage.note = f"{texts.encoder.encoded:,} texts encoded, the others were cached"
    everything = events
    events = events.filter(~is_refund())  # refunds are no edges
    pairs, parents = category_arrays(items["categories"])
    data = evaluation_data(
        request.path.resolve().name,
        _edges(events, settings),
        items["item_id"].to_list(),
        text=text,
        whole_text=whole_text,
        brand=brand_indices(items["brand"]),
        item_category=pairs,
        category_parent=parents,
        links=pl.concat(links) if links else None,
    )
    assert data.rows is not None
    data = replace(data, given_split=_given_split(reader, data), taken_back=taken_back(everything, data.rows))
    if settings.encoder.reviews.share == 0:
        return data
    with reporter.stage("reviews") as stage:
        pooling = ReviewPooling(data, item_views_of(items), events, texts, settings.encoder.reviews)
        pooling(0, data.shop.n_events, stage.progress)  # fills the cache with most of what the windows need
        stage.note = f"of {pooling.reviewed:,} items"
    return replace(data, pool_reviews=pooling)


def _given_split(reader: ShopReader, data: EvaluationData) -> int | None:
    """Position of the first test event where the format says from when on events are the test."""
    if not isinstance(reader, LightGcnShop) or reader.test_from is None:
        return None
    return int(np.searchsorted(data.shop.at, reader.test_from))


def _joined(frames: Sequence[pl.DataFrame], empty: pl.DataFrame) -> pl.DataFrame:
    return pl.concat(frames) if frames else empty


def _edges(events: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Events as edges, row by row; sessions are users of their own."""
    relations = {str(kind): RELATIONS.index(RELATION_OF[kind]) for kind in RELATION_OF}
    weights = {str(kind): weight for kind, weight in settings.weights.items()}
    user = pl.when("anonymous").then(pl.lit(SESSION_PREFIX) + pl.col("user_id")).otherwise(pl.col("user_id"))
    return events.select(
        user.alias("user_id"),
        "item_id",
        "at",
        pl.col("event_type").replace_strict(weights, return_dtype=pl.Float32).alias("weight"),
        pl.col("event_type").replace_strict(relations, return_dtype=pl.Int8).alias("relation"),
    )
