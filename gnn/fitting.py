"""How Ilk's model is fitted: build signals on the older events, learn on the newest, build again on all."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from gnn.checkpoints import Checkpoints, NoCheckpoints
from gnn.choices import Choices, keep_choices, kept_choices
from gnn.embedding_model import model_graph
from gnn.fitted_ilk import FittedIlk
from gnn.freed_memory import give_back_freed_memory
from gnn.hetero_graph import build_hetero_graph
from gnn.histories import Histories, group_by_user, without_weightless
from gnn.holdout import Holdout, holdout_of
from gnn.ilk_config import IlkConfig
from gnn.item_signals import item_signals
from gnn.learning_curve import EpochLog
from gnn.mix_learning import NewestBlock, learned_mixes
from gnn.neighbour_regression import neighbour_regression
from gnn.objective import Objective
from gnn.shop_arrays import ShopArrays
from gnn.signals import ItemSignals
from gnn.text_space import TextSpace, build_text_space
from gnn.trained import Trained
from gnn.training import EpochFn, Trainer, ValidationPairs
from gnn.untimed import config_for, without_order
from gnn.user_rows import latest_of_each

FitProgress = Callable[[str, int, int], None]
"""Called with (stage, steps done, steps in all); stages in `STAGES`."""

STAGES = ("text", "embeddings", "paths", "mix", "final embeddings", "final paths")
_CHECK_PAIRS = 2000


@dataclass(frozen=True)
class Fit:
    """Outcome of a fit."""

    model: FittedIlk
    histories: Histories
    """Of the users seen, for `score_users`: each item once."""
    epochs: int
    """Training epochs that were best on validation."""
    holdout: Holdout
    """Of the first pass, which had not seen the newest events."""


def silent(_stage: str, _done: int, _total: int) -> None:
    """Progress that nobody follows."""


def fit_with(
    config: IlkConfig,
    shop: ShopArrays,
    seed: int,
    progress: FitProgress = silent,
    checkpoints: Checkpoints | None = None,
    log: EpochLog | None = None,
) -> Fit:
    """Fit on all events of `shop`; the newest ninth chooses epochs and mix first (a random ninth where no
    event has a time, see `gnn.untimed`; `Fit.model.config` then differs from `config`).

    checkpoints: of a fit of the same inputs that was interrupted; the outcome has the same bits.
    log: told what every epoch of the embeddings came to.
    """
    shop = without_weightless(shop)
    config, shop = config_for(shop, config), without_order(shop)
    checkpoints = checkpoints or NoCheckpoints()
    progress("text", 0, 1)
    text = build_text_space(shop.told, shop.n_items, config.text)
    progress("text", 1, 1)
    chosen = kept_choices(checkpoints)
    if chosen is None:
        chosen = _choose(config, shop, text, seed, progress, checkpoints, log)
        keep_choices(checkpoints, chosen)
    histories = group_by_user(shop)
    run = _Run(progress, "final ", None, chosen.epochs, checkpoints, log)
    signals, trained = _signals(config, shop, histories, text, seed, run)
    weights = None if trained is None else trained.weights
    model = FittedIlk(signals, chosen.mixes, chosen.user_mix, config, weights)
    return Fit(model, latest_of_each(histories), chosen.epochs or 0, chosen.holdout)


def _choose(
    config: IlkConfig,
    shop: ShopArrays,
    text: TextSpace | None,
    seed: int,
    progress: FitProgress,
    checkpoints: Checkpoints,
    log: EpochLog | None,
) -> Choices:
    """The first pass: signals of the older events alone, judged and weighed on the newest."""
    block = NewestBlock.of(shop)
    older = block.older
    run = _Run(progress, "", block, None, checkpoints, log)
    signals, trained = _signals(config, older, group_by_user(older), text, seed, run)
    mixes, user_mix = learned_mixes(config, signals, block, seed, lambda done: progress("mix", done, 3))
    give_back_freed_memory()
    model = FittedIlk(signals, mixes, user_mix, config)
    holdout = holdout_of(model, older, *block.pairs[Objective.NEXT])
    return Choices(None if trained is None else trained.epochs, mixes, user_mix, holdout)


@dataclass(frozen=True)
class _Run:
    """One of the two passes: with a validation block, or with the number of epochs it chose."""

    progress: FitProgress
    prefix: str
    block: NewestBlock | None
    epochs: int | None
    checkpoints: Checkpoints
    log: EpochLog | None

    def step(self, stage: str) -> EpochFn:
        """Progress of one stage of this pass."""
        return lambda done, total: self.progress(self.prefix + stage, done, total)


def _signals(
    config: IlkConfig,
    shop: ShopArrays,
    histories: Histories,
    text: TextSpace | None,
    seed: int,
    run: _Run,
) -> tuple[ItemSignals, Trained | None]:
    """Everything the features need, from the events of `shop` alone."""
    trained = _train(config, shop, histories, text, seed, run)
    # steps leave hundreds of megabytes in pieces that the paths' large arrays cannot use
    give_back_freed_memory()
    run.progress(run.prefix + "paths", 0, 1)
    signals = item_signals(config, shop, histories, text, None if trained is None else trained.weights)
    if config.use_paths:
        regression = neighbour_regression(latest_of_each(histories), config.regression)
        signals = replace(signals, regression=regression)
    give_back_freed_memory()
    run.progress(run.prefix + "paths", 1, 1)
    return signals, trained


def _train(
    config: IlkConfig,
    shop: ShopArrays,
    histories: Histories,
    text: TextSpace | None,
    seed: int,
    run: _Run,
) -> Trained | None:
    """Trained embeddings; `None` where there is nothing to learn from."""
    if not config.use_embedding or shop.n_events == 0 or shop.n_items < 2:
        return None
    graph = model_graph(build_hetero_graph(shop, text), config.embedding.text_dims)
    trainer = Trainer(shop, histories, graph, config.embedding, config.training, seed)
    epochs = run.epochs or config.training.epochs(shop.n_events)
    validation = None
    if run.block is not None and len(run.block.pairs[Objective.NEXT][0]):
        query, target = run.block.pairs[Objective.NEXT]
        some = np.random.default_rng(0).permutation(len(query))[:_CHECK_PAIRS]
        validation = ValidationPairs(query[some], target[some])
    give_back_freed_memory()  # what the graph was made from
    step = run.step("embeddings")
    step(0, epochs)
    return trainer.run(epochs, validation, step, run.checkpoints, run.prefix + "embeddings", run.log)
