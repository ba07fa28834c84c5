"""How Ilk's model is fitted: build signals on the older events, learn on the newest, build again on all."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gnn.checkpoints import Checkpoints, NoCheckpoints
from gnn.choices import Choices, keep_choices, kept_choices
from gnn.embedding_model import model_graph
from gnn.fitted_ilk import FittedIlk
from gnn.freed_memory import give_back_freed_memory
from gnn.hetero_graph import build_hetero_graph
from gnn.histories import (
    Histories,
    basket_pairs,
    block_start,
    group_by_user,
    interaction_matrix,
    without_weightless,
)
from gnn.holdout import Holdout, holdout_of
from gnn.ilk_config import IlkConfig
from gnn.item_signals import item_signals
from gnn.learning_curve import EpochLog
from gnn.mix import Learned, MixExamples, agreed, learn, learn_mix
from gnn.mix_config import Mix, MixConfig
from gnn.neighbour_regression import neighbour_regression
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from gnn.signals import ItemSignals
from gnn.similar_features import SIMILAR_FEATURES, SimilarFeatures
from gnn.text_space import TextSpace, build_text_space
from gnn.trained import Trained
from gnn.training import EpochFn, Trainer, ValidationPairs
from gnn.trend_share import with_best_trends
from gnn.untimed import config_for, following_pairs, without_order
from gnn.user_features import USER_FEATURES, UserFeatures
from gnn.user_rows import latest_of_each, user_rows

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


@dataclass(frozen=True)
class _Block:
    """The validation block: pairs whose target lies in it."""

    start: int
    pairs: dict[Objective, tuple[IntArray, IntArray]]
    """(query, target) of `next` and `together`."""


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
    block = _validation_block(shop)
    older = shop.events(0, block.start)
    histories = group_by_user(older)
    run = _Run(progress, "", block, None, checkpoints, log)
    signals, trained = _signals(config, older, histories, text, seed, run)
    mixes, user_mix = _learn(config, shop, signals, histories, block, seed, progress)
    model = FittedIlk(signals, mixes, user_mix, config)
    holdout = holdout_of(model, older, *block.pairs[Objective.NEXT])
    return Choices(None if trained is None else trained.epochs, mixes, user_mix, holdout)


def signals_before(config: IlkConfig, shop: ShopArrays, stop: int, seed: int) -> ItemSignals:
    """What a fit would know after the first `stop` events: later events play no part."""
    text = build_text_space(shop.told, shop.n_items, config.text)
    older = without_weightless(shop.events(0, stop))
    run = _Run(silent, "", None, None, NoCheckpoints(), None)
    signals, _ = _signals(config, older, group_by_user(older), text, seed, run)
    return signals


def _validation_block(shop: ShopArrays) -> _Block:
    start = block_start(shop.n_events)
    histories = group_by_user(shop)
    pairs = {}
    for objective, found in (
        (Objective.NEXT, following_pairs(shop, histories)),
        (Objective.TOGETHER, basket_pairs(histories)),
    ):
        query, target, position = found
        late = position >= start
        pairs[objective] = (query[late], target[late])
    return _Block(start, pairs)


@dataclass(frozen=True)
class _Run:
    """One of the two passes: with a validation block, or with the number of epochs it chose."""

    progress: FitProgress
    prefix: str
    block: _Block | None
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
    run.progress(run.prefix + "paths", 0, 1)
    signals = item_signals(config, shop, histories, text, None if trained is None else trained.weights)
    if config.use_paths:
        regression = neighbour_regression(latest_of_each(histories), config.regression)
        signals = replace(signals, regression=regression)
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
    step = run.step("embeddings")
    step(0, epochs)
    return trainer.run(epochs, validation, step, run.checkpoints, run.prefix + "embeddings", run.log)


def _learn(
    config: IlkConfig,
    shop: ShopArrays,
    signals: ItemSignals,
    histories: Histories,
    block: _Block,
    seed: int,
    progress: FitProgress,
) -> tuple[dict[Objective, Mix], Mix]:
    """Learned mixes; `related` keeps the shipped one: no event says what is alike."""
    mixes = {objective: dict(config.mixes[objective]) for objective in Objective}
    if not config.learn_mix:
        return mixes, dict(config.user_mix)
    features = SimilarFeatures(signals)
    learnt = ((Objective.NEXT, config.mix), (Objective.TOGETHER, config.together_learning))
    for done, (objective, how) in enumerate(learnt):
        progress("mix", done, 3)
        give_back_freed_memory(cycles=True)
        query, target = block.pairs[objective]
        warm = ~signals.cold[target]
        query, target = query[warm], target[warm]
        some = _some(how, shop.n_items, len(query), len(SIMILAR_FEATURES), seed)
        if len(some) >= how.min_pairs:
            # no name for the examples: half a gigabyte must be gone before the next ones are made
            mixes[objective] = learn_mix(
                _similar_examples(features, query[some], target[some]), config.mixes[objective], how
            )
        if objective is Objective.NEXT:
            counts = np.bincount(shop.item[: block.start], minlength=shop.n_items)
            shipped, learned = config.mixes[objective], mixes[objective]
            give_back_freed_memory(cycles=True)
            mixes[objective] = with_best_trends(
                features, shipped, learned, query, target, counts, config.trend_share
            )
    progress("mix", 2, 3)
    give_back_freed_memory(cycles=True)
    user_mix = _learn_users(config, shop, signals, histories, block.start, seed)
    progress("mix", 3, 3)
    return mixes, user_mix


def _some(config: MixConfig, n_items: int, n_pairs: int, n_features: int, seed: int) -> IntArray:
    """Random choice of pairs within the budget, order kept."""
    order = np.random.default_rng(seed).permutation(n_pairs)
    return np.sort(order[: config.budget(n_items, n_features)])


def _similar_examples(features: SimilarFeatures, query: IntArray, target: IntArray) -> MixExamples:
    banned = np.zeros((len(query), features.n_items), np.bool_)
    banned[np.arange(len(query)), query] = True
    return MixExamples(features.stack(query), target, banned, np.ones(len(query), np.float32))


def _learn_users(
    config: IlkConfig, shop: ShopArrays, signals: ItemSignals, histories: Histories, start: int, seed: int
) -> Mix:
    """The users' mix, from items that users with a history turned to for the first time."""
    known, how = latest_of_each(histories), config.user_learning
    user, target = _first_times(shop, known, start)
    share = 1.0 / np.bincount(user, minlength=1)[user] if len(user) else np.zeros(0)
    features, before = UserFeatures(signals), shop.events(0, start)

    def sample(some: IntArray) -> Learned:
        give_back_freed_memory(cycles=True)
        rows, banned = user_rows(known, user[some], config.users), _seen(before, user[some])
        weight = share[some].astype(np.float32)
        return learn(MixExamples(features.stack(rows), target[some], banned, weight), config.user_mix, how)

    samples = _samples(how, shop.n_items, len(user), len(USER_FEATURES), seed)
    if not samples:
        return dict(config.user_mix)
    return agreed([sample(some) for some in samples], config.user_mix, how)


def _samples(config: MixConfig, n_items: int, n_pairs: int, n_features: int, seed: int) -> list[IntArray]:
    """Random choices of pairs, each within the budget and none twice, order kept; empty: too few pairs."""
    order, size = np.random.default_rng(seed).permutation(n_pairs), config.budget(n_items, n_features)
    if min(size, n_pairs) < config.min_pairs:
        return []
    count = min(config.samples, -(-n_pairs // size))
    size = min(size, n_pairs // count)
    return [np.sort(order[i * size : (i + 1) * size]) for i in range(count)]


def _seen(shop: ShopArrays, user: IntArray) -> npt.NDArray[np.bool_]:
    """What each user engaged with, bool (u, n_items)."""
    seen: FloatArray = interaction_matrix(shop)[user].toarray()
    return seen > 0


def _first_times(shop: ShopArrays, known: Histories, start: int) -> tuple[IntArray, IntArray]:
    """Unique (user, item) from event `start` on, in time order, of users whose history lacks the item."""
    late = shop.user[start:] * shop.n_items + shop.item[start:]
    early = known.user * shop.n_items + known.item
    _, first = np.unique(late, return_index=True)
    keys = late[np.sort(first)]
    keys = keys[~np.isin(keys, early)]
    user, item = keys // max(shop.n_items, 1), keys % max(shop.n_items, 1)
    has_history = np.diff(known.indptr)[user] > 0
    return user[has_history], item[has_history]
