"""What a mix of features is, and how far learning may move it."""

from dataclasses import dataclass
from typing import ClassVar

from gnn.setting_checks import check_number, check_whole
from gnn.similar_features import TREND_NAMES

Mix = dict[str, float]
"""Weight of each feature."""


@dataclass(frozen=True)
class PairLearningConfig:
    """How weights are learned from validation pairs, and how far they may leave where they start."""

    named: ClassVar[str] = "{}"
    """How a setting is called where it is refused."""

    pairs: int = 1000
    """Validation pairs to learn from at most; 0: nothing is learned."""
    min_pairs: int = 30
    """With fewer pairs the defaults stay."""
    prior: float = 10.0
    """Strength of the Gaussian prior: prior x (100 / pairs)^2 x squared distance from the defaults is added
    to the mean cross-entropy, so small shops hardly move."""
    trust: float = 0.5
    """Share of the learned move that is made: tastes shift between blocks; half the move loses little where
    they do not and much less where they do."""
    iterations: int = 40
    """Of L-BFGS."""
    max_cells: int = 75_000_000
    """Pairs x items x features at most (4 bytes each); larger catalogues take fewer pairs."""

    def __post_init__(self) -> None:
        """Raises `ValueError` that names a setting that cannot be meant: a fit would end in it."""
        check_whole(self.named.format("pairs"), self.pairs, 0)
        check_whole(self.named.format("min_pairs"), self.min_pairs, 0)
        check_number(self.named.format("prior"), self.prior, 0.0)
        check_number(self.named.format("trust"), self.trust, 0.0, 1.0)
        check_whole(self.named.format("iterations"), self.iterations, 1)
        check_whole(self.named.format("max_cells"), self.max_cells, 1)

    def budget(self, n_items: int, n_features: int) -> int:
        """Pairs to learn from in a catalogue of that size."""
        return min(self.pairs, max(self.max_cells // max(n_items * n_features, 1), 1))


@dataclass(frozen=True)
class MixConfig(PairLearningConfig):
    """How far the weights may leave the shipped defaults."""

    named: ClassVar[str] = "{} of mix or together_learning"

    moved: tuple[str, ...] = ()
    """Features whose weights learning may move; empty: all."""
    min_gain: float = 0.7
    """Least gain of NDCG@10 over the defaults on the pairs, in standard errors, for learned weights to be
    taken: below it the defaults, which come from many shops, are the better guess."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "moved", tuple(self.moved))  # JSON knows lists only
        check_number(self.named.format("min_gain"), self.min_gain, 0.0)


@dataclass(frozen=True)
class RelationConfig(PairLearningConfig):
    """When `next` learns the weights of its relations as well: see `gnn.relation_learning`.

    Each query is held against the whole catalogue once, so the time grows with pairs x items; `max_looked_at`
    bounds it (about 50 s of one processor at the most).
    """

    named: ClassVar[str] = "relation_learning.{}"

    pairs: int = 10_000
    """Validation pairs to learn from at most, evenly from the block; 0: nothing is learned."""
    min_pairs: int = 1500
    """With fewer, or where the bounds below leave fewer, the chosen weights stay: what a thousand pairs teach
    about relations and texts is wrong in the next block more often than not."""
    trust: float = 1.0
    """Share of the learned move that is made."""
    max_looked_at: int = 200_000_000
    """Pairs x items at most among which contenders are looked for; catalogues of more than 20,000 items take
    fewer pairs, those of more than 133,000 learn nothing here."""
    contenders: int = 100
    """Targets of each query that compete: so many by the chosen mix, as many by its relations and texts
    alone, and a quarter of it by each of these by itself. What is further down comes into no list of ten."""
    min_carried: float = 2.0
    """Gain of NDCG@10, in standard errors of queries, that what one half of the block teaches must have in
    the other: its older and its newer half, or two random ones where events carry no time."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole(self.named.format("max_looked_at"), self.max_looked_at, 1)
        check_whole(self.named.format("contenders"), self.contenders, 1)
        check_number(self.named.format("min_carried"), self.min_carried, 0.0)


@dataclass(frozen=True)
class ListLearningConfig:
    """How the users' mix is learned: see `gnn.list_learning`.

    Whatever the block, at most min(users, max_cells / items) users are looked at, and each has at most
    targets_each + of_mix + 13 x of_feature + strangers columns of 13 features, 4 bytes each: 60 KB by the
    defaults, 240 MB for 4,000 users.
    """

    users: int = 4000
    """Users of the newest block to learn from at most. With half as many of electronics one draw in four
    taught nothing that was taken."""
    max_cells: int = 200_000_000
    """Users x items at most: every user is scored over the whole catalogue, .2 microseconds a cell. 40,000
    items keep 4,000 users, a million take 200; from four million on fewer than `min_users` are left and the
    defaults stay."""
    targets: int = 10_000
    """Items they turned to, all together, at most: each is compared with some hundred others."""
    targets_each: int = 200
    """Of one user, at random, at most: a wholesaler or a robot would take the budget of all others. With
    `targets` it leaves 50 users at least, if there are so many."""
    min_targets: int = 150
    """With fewer the defaults stay: what so few say agrees by chance."""
    min_users: int = 50
    """The same for users, as errors are those of users: where the defaults were the truth, 2 to 10 users with
    180 targets took other weights half of the time and lost 3 to 5 %."""
    of_feature: int = 40
    """Best items by each feature alone that a user's targets are compared with."""
    of_mix: int = 200
    """Best items by the shipped weights that are added."""
    strangers: int = 150
    """Other items, at random, that stand for all the rest."""
    prior: float = 1.0
    """As in `MixConfig`, by the number of targets: around the defaults for the likelihood, around its optimum
    for the ranks."""
    depth: float = 20.0
    """Places of a list that count."""
    softness: float = 0.25
    """Difference of scores within which two items count as nearly even. Of .1 to 2 the lower ones ranked the
    blocks that follow best, .2 to .3 alike."""
    min_gain: float = 0.7
    """As in `MixConfig`, of NDCG@20."""
    iterations: int = 25
    """Of L-BFGS, for each of the two steps."""

    def __post_init__(self) -> None:
        for name, least in {
            "users": 1,
            "max_cells": 1,
            "targets": 1,
            "targets_each": 1,
            "min_targets": 0,
            "min_users": 2,  # one in each half of the time
            "of_feature": 0,
            "of_mix": 0,
            "strangers": 1,
            "iterations": 1,
        }.items():
            check_whole(f"user_lists.{name}", getattr(self, name), least)
        check_number("user_lists.prior", self.prior, 0.0)
        check_number("user_lists.min_gain", self.min_gain, 0.0)
        check_number("user_lists.depth", self.depth, 1e-3)
        check_number("user_lists.softness", self.softness, 1e-3)

    def budget(self, n_items: int) -> int:
        """Users to learn from in a catalogue of that size."""
        return min(self.users, max(self.max_cells // max(n_items, 1), 1))

    def is_enough(self, users: int, targets: int) -> bool:
        """Whether anything can be learned from so many."""
        return users >= self.min_users and targets >= self.min_targets

    @property
    def most_of_one(self) -> int:
        """Targets of one user at most."""
        return min(self.targets_each, self.targets)


@dataclass(frozen=True)
class WeightChoiceConfig:
    """How one weight is chosen by the newest block's pairs, nothing fitted: so more of them are affordable
    than for learning, and small differences show."""

    named: ClassVar[str] = "{}"
    """How a setting is called where it is refused."""

    pairs: int = 10_000
    """Validation pairs to judge by at most, evenly from the block."""
    max_cells: int = 100_000_000
    """Pairs x items at most; larger catalogues take fewer pairs."""
    min_pairs: int = 300
    """With fewer pairs the weight stays: halves of so few agree by chance."""
    min_gain: float = 2.0
    """Gain of NDCG@10, in standard errors of queries, that is believed."""
    spent: float = 0.005
    """Part of NDCG@10 that may be given up for what else is wanted."""

    def __post_init__(self) -> None:
        for name, least in (("pairs", 0), ("max_cells", 1), ("min_pairs", 1)):
            check_whole(self.named.format(name), getattr(self, name), least)
        check_number(self.named.format("min_gain"), self.min_gain, 0.0)
        check_number(self.named.format("spent"), self.spent, 0.0, 1.0)

    def budget(self, n_items: int) -> int:
        """Pairs to judge by in a catalogue of that size."""
        return min(self.pairs, max(self.max_cells // max(n_items, 1), 1))


@dataclass(frozen=True)
class CoEngagedShareConfig(WeightChoiceConfig):
    """When `together` makes more of co-engagement than the learned weights do: see `gnn.co_engaged_share`.
    `spent` goes to smaller factors."""

    named: ClassVar[str] = "co_engaged_share.{}"

    factors: tuple[float, ...] = (1.25, 1.5, 2.0, 2.5, 3.0)
    """What the weight of K is multiplied with to try; empty: nothing is."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "factors", tuple(self.factors))  # JSON knows lists only
        for factor in self.factors:
            check_number("co_engaged_share.factors", factor, 1.0)


@dataclass(frozen=True)
class PopularityShareConfig(WeightChoiceConfig):
    """When `together` makes less of popularity than the learned weights do: see `gnn.popularity_share`.
    `spent` goes to targets outside the most popular fifth, whose gain is the one that must be believed."""

    named: ClassVar[str] = "popularity_share.{}"

    amounts: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4, 0.5)
    """What the weight of the counts of all times is lessened by to try; empty: nothing is."""

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "amounts", tuple(self.amounts))  # JSON knows lists only
        for amount in self.amounts:
            check_number("popularity_share.amounts", amount, 0.0)


@dataclass(frozen=True)
class StratifiedConfig:
    """When rarer targets count more: see `gnn.stratified_weights`. Pairs and contenders are those of
    `relation_learning`."""

    power: float = 0.6
    """A target counts by its popularity to the power of minus this; 0: nothing is learned, 1: by items."""
    spent: float = 0.04
    """Part of NDCG@10 of all pairs that one search may give up for it; the mean of several may lose more, up
    to `risked`."""
    min_queries: int = 200
    """With fewer queries among the pairs the mix stays: what follows one item is often one basket."""
    min_gain: float = 2.0
    """Gain of targets outside the most popular fifth, in standard errors of queries, that what one half of
    the block teaches must have in the other."""
    min_rarer: float = 0.1
    """The same as part of their NDCG@10: for less the mean is not touched."""
    risked: float = 0.15
    """Part of NDCG@10 of all pairs that may be lost there, as half a block teaches less than the whole; and
    by what is taken in the end."""
    evaluations: int = 120
    """Of one search."""

    def __post_init__(self) -> None:
        """Raises `ValueError` that names a setting that cannot be meant."""
        check_number("stratified.power", self.power, 0.0, 1.0)
        check_number("stratified.spent", self.spent, 0.0, 1.0)
        check_whole("stratified.min_queries", self.min_queries, 2)
        check_number("stratified.min_gain", self.min_gain, 0.0)
        check_number("stratified.min_rarer", self.min_rarer, 0.0)
        check_number("stratified.risked", self.risked, 0.0, 1.0)
        check_whole("stratified.evaluations", self.evaluations, 1)


@dataclass(frozen=True)
class TrendShareConfig(WeightChoiceConfig):
    """When `next` makes less or more of the trends than the shipped weights do, or of some of them alone: see
    `gnn.trend_share`. `min_gain` is what targets outside the most popular fifth must gain by a smaller share;
    `spent` of the best larger share goes to them, which larger trends push down. With fewer pairs than
    `min_pairs` the whole trends stay: a small shop's `next` is little else than what sells."""

    named: ClassVar[str] = "trend_share.{}"

    shares: tuple[float, ...] = (0.5, 0.25, 0.1, 0.0)
    """Of the shipped weights, what is tried beside the whole; empty: nothing is."""
    larger: tuple[float, ...] = (1.5, 2.0, 3.0)
    """The same where none of `shares` pays; empty: nothing is."""
    spreads: tuple[tuple[float, ...], ...] = (
        (0.0, 1.0, 0.0, 0.0),
        (0.0, 0.0, 1.0, 0.0),
        (0.0, 0.5, 0.5, 0.0),
        (0.0, 0.6, 0.6, -0.2),
        (0.0, 0.4, 0.8, -0.2),
    )
    """Ways to deal a larger share out over `TREND_NAMES`, beside the shipped one, each 1 in all: what sells
    these weeks or days, and the same less what always did, so that rising items count."""
    risked: float = 0.05
    """Part of the mean NDCG@10 of all targets that a smaller share may cost, with one standard error against
    it: in a block of few queries a large loss is no more than noise."""
    min_lift: float = 3.0
    """Gain of NDCG@10, in standard errors of queries, that all targets must have by a larger share."""
    spent: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "shares", tuple(self.shares))  # JSON knows lists only
        object.__setattr__(self, "larger", tuple(self.larger))
        object.__setattr__(self, "spreads", tuple(tuple(parts) for parts in self.spreads))
        if any(not 0 <= share < 1 for share in self.shares):
            raise ValueError(f"shares must be from 0 to below 1, not {self.shares}")
        if any(not share > 1 for share in self.larger):
            raise ValueError(f"larger shares must be above 1, not {self.larger}")
        check_number("trend_share.risked", self.risked, 0.0, 1.0)
        if any(len(way) != len(TREND_NAMES) or abs(sum(way) - 1) > 1e-6 for way in self.spreads):
            raise ValueError(f"spreads must hold a part for each of {TREND_NAMES}, 1 in all: {self.spreads}")
