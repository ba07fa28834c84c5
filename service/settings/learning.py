"""How texts are encoded, what is learned from, and how that is judged."""

from pathlib import Path
from typing import Any, Literal

from pydantic import (
    Field,
)

from service.settings.section import Section

LEAST_WORDS, MOST_WORDS = 5, 500
"""Bounds of `ReviewSettings.words`."""


class FineTuneSettings(Section):
    """Whether a refresh teaches the text model what this shop's shoppers take together."""

    enabled: bool = False
    """Off: it did not pay on the shops it was measured on (docs/fine-tuning.md)."""
    steps: int = Field(200, ge=10, le=10_000)
    """At most; it stops early where held-out pairs gain nothing more."""
    learning_rate: float = Field(1e-3, gt=0, le=1)
    """Highest one, after the warm-up."""
    growth: float = Field(0.2, ge=0)
    """What was learned is kept, and every text's vector with it, until there are so many more events."""


class ReviewSettings(Section):
    """Whether what shoppers wrote about an item is part of its text (docs/model.md)."""

    share: float = Field(0.0, ge=0, lt=1)
    """Weight of the reviews beside the item's own words, together 1; 0: reviews are no part of the text."""
    per_item: int = Field(8, ge=1, le=100)
    """Reviews of one item that count: those of the greatest weight."""
    words: int = Field(60, ge=LEAST_WORDS, le=MOST_WORDS)
    """First words of a review that count."""
    total: int = Field(200_000, ge=1)
    """Reviews to encode in all: with more, fewer of each item count, at least one. One core encodes about 100
    a second, each once."""


class EncoderSettings(Section):
    """How texts become vectors."""

    model: str = "sentence-transformers/all-MiniLM-L6-v2"
    """Hugging Face id, local folder, or `hashing` (no weights; for trials only)."""
    revision: str | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    fine_tune: FineTuneSettings = FineTuneSettings()
    reviews: ReviewSettings = ReviewSettings()


class ModelSettings(Section):
    """How the graph model learns."""

    seed: int = Field(0, ge=0)
    device: Literal["auto", "cpu", "cuda"] = "auto"
    options: dict[str, Any] = Field(default_factory=dict)
    """Fields of the model's own configuration (`gnn.IlkConfig`), by name."""
    tensorboard: Path | None = None
    """Folder where a refresh writes its training curves for TensorBoard (needs `ilk[tensorboard]`)."""


class IndexSettings(Section):
    """Which index serves."""

    kind: Literal["auto", "exact", "flat", "hnsw", "half", "sq8"] = "auto"
    """`auto`: flat up to 100,000 items, then HNSW. `half` and `sq8` compare every row like flat, rounded to
    half-precision floats or bytes: half or a quarter of the memory; a release's report says what is lost."""


class GateSettings(Section):
    """What a new release must show before it is served."""

    min_coverage: float = Field(0.95, ge=0, le=1)
    """Share of the catalogue's items that must be found by something (text, graph or trend), unless the
    serving release has less already."""
    max_drop: float = Field(0.20, ge=0, le=1)
    """How much closer to popularity than the serving release a new one may be on the newest events: the
    relative drop of NDCG@10 over popularity's that is still let through."""
    max_unsure_drop: float = Field(0.50, ge=0, le=1)
    """The same where the events are too few to be sure that the drop exceeds `max_drop`."""


class SelectionSettings(Section):
    """Which events a release learns from; what is left out stays in log and graph. Default: all of them."""

    window_days: float | None = Field(None, gt=0)
    """Older events, counted from the newest one, are left out; none: no window."""
    half_life_days: float | None = Field(None, gt=0)
    """An event's weight halves with so many days of age; none: age counts only where the model says so."""
    min_item_events: int = Field(1, ge=1)
    """Events of items with fewer are left out: such an item is known by its text alone."""
    min_user_events: int = Field(1, ge=1)
    """Likewise of shoppers."""
    max_user_events: int | None = Field(None, ge=1)
    """Newest events of one shopper that count; none: all."""
    max_category_share: float | None = Field(None, gt=0, le=1)
    """Largest share of all events that one top category may have, its newest ones; none: no balance."""


class IncrementGateSettings(Section):
    """What an incremental update must show before it serves."""

    min_pairs: int = Field(150, ge=1)
    """Held-out cases below which nothing can be told."""
    tolerance: float = Field(0.03, ge=0, le=1)
    """Relative loss of quality on the newest events up to which a candidate is not called worse, however sure
    the loss is: what another seed changes."""
    max_forgetting: float = Field(0.05, ge=0, le=1)
    """The same on old events, where new tastes may cost a little."""
    margin: float = Field(0.05, ge=0, le=1)
    """Relative loss that must be ruled out before a candidate serves."""
    max_coverage_drop: float = Field(0.2, ge=0, le=1)
    """Relative drop of the share of items that appear in any top 10 of a thousand."""
    max_neighbour_drift: float = Field(0.6, ge=0, le=1)
    """Share of the top 10 that one increment may change."""
    max_norm_growth: float = Field(3.0, ge=1)
    """How many times as long the longest trained vector may become in one increment."""
    widen: int = Field(2, ge=1, le=16)
    """After a failure the next increment waits for so many times as many events."""
    failures_before_refresh: int = Field(3, ge=1)
    """Rejections in a row after which only a full refresh helps."""


class IncrementSettings(Section):
    """Incremental retraining between refreshes: `ilk increment`, and `update.policy` `touched` or `full`."""

    edges: int = Field(2_000, ge=20)
    """New events that an increment waits for."""
    seconds: float = Field(900.0, ge=1)
    """With fewer new events (a tenth at least) one is made after so long all the same."""
    rest: float = Field(3.0, ge=0)
    """Times its own duration that passes after an increment before the next is made, `seconds` at most: it
    shares the processors with those who answer, so a quarter of the time where one takes a third of `seconds`
    or less."""
    holdout_share: float = Field(0.2, gt=0, lt=1)
    """Newest share of the new events that judges the candidate; the next increment learns from them."""
    exam_pairs: int = Field(3_000, ge=100, le=50_000)
    """Cases on which candidate and serving release are compared, of new and of old events each."""
    gate: IncrementGateSettings = IncrementGateSettings()


class RefreshSettings(Section):
    """How the full refresh goes about its work."""

    checkpoint_seconds: float = Field(10.0, ge=0)
    """Least time between two checkpoints of one training; what a kill can cost is that much training."""
    memory_mib: int | None = Field(None, ge=256)
    """Memory that a refresh may take, in MiB, as `ilk refresh --dry-run` estimates it; none: as much as it
    needs."""
    approval: bool = False
    """A new release that the gate lets through waits for a person (`ilk release approve`, the page) instead
    of serving at once. Increments on the serving release do not wait; `update.policy` says whether any are
    made."""
    over_budget: Literal["refuse", "newest"] = "refuse"
    """What a refresh does that would take more: `refuse` with a reason, or learn from the `newest` events
    that fit and say how many it left out."""
