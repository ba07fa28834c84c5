"""What each part of the model is worth: one fit, then the same fit with the weights of a part at 0.

But for review texts nothing is learned anew, so a part that another can stand in for shows less than its
share, and one that the mix was learned around shows more.
"""

from collections.abc import Mapping
from dataclasses import replace

from gnn.fitted_ilk import FittedIlk
from gnn.ilk_config import IlkConfig
from gnn.ilk_model import IlkModel
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from gnn.similar_features import CATALOGUE_NAMES, ITEM_PATHS, TREND_NAMES
from gnn.user_features import EMBEDDING_FEATURES, SPARSE_FEATURES, USER_FEATURES

_EMBEDDINGS = ("embedding", *EMBEDDING_FEATURES)
_PATHS = (*ITEM_PATHS, "paths_rare", *(name for name in SPARSE_FEATURES if name in USER_FEATURES))
PARTS: Mapping[str, tuple[str, ...]] = {
    "text channel": ("text", "text_rare", "text_recent"),
    "co-engaged (K)": ("co_engaged", "co_engaged_recent", "co_engaged_all"),
    "text, co-engaged (NK)": ("text_co_engaged",),
    "co-engaged, text (KN)": ("co_engaged_text",),
    "text, co-engaged, text (NKN)": ("text_co_engaged_text", "text_co_engaged_text_recent"),
    "shared user (U)": ("walk_all",),
    "regression on neighbours": ("regression",),
    "paths to rare items (KN, NKN)": ("paths_rare",),
    "all paths": _PATHS,
    "trained embeddings": _EMBEDDINGS,
    "paths and embeddings": (*_PATHS, *_EMBEDDINGS),
    "trends": TREND_NAMES,
    "trend of all times": ("trend_always",),
    "categories": CATALOGUE_NAMES[:1],
    "brand": CATALOGUE_NAMES[1:],
}
"""Part -> the features that are it."""
LEFT_OUT = "ilk without "
"""What the names of the variants of `ilk evaluate --ablate` begin with."""
REVIEWS = "review texts"
"""The part whose absence is a fit of its own, without reviews in the items' texts."""
SHIPPED = "learned mix"
"""The part whose absence means the shipped weights."""


class SharedFits:
    """One fit per shop state and seed, shared by all variants."""

    def __init__(self, config: IlkConfig) -> None:
        self.config = config
        self._fits: dict[tuple[int, int, bool], IlkModel] = {}

    def of(self, shop: ShopArrays, seed: int) -> IlkModel:
        """The fit, made when first asked for."""
        key = (shop.n_events, seed, shop.review_text is not None)
        if key not in self._fits:
            model = IlkModel(self.config)
            model.fit(shop, seed)
            self._fits[key] = model
        return self._fits[key]


class Ablated:
    """A `Recommender`: the shared fit with some weights at 0."""

    def __init__(
        self,
        name: str,
        fits: SharedFits,
        off: tuple[str, ...] = (),
        *,
        shipped: bool = False,
        reviews: bool = True,
    ) -> None:
        """off: features left out. shipped: the shipped weights in place of the learned ones. reviews: whether
        items' texts have the reviews in them that the shop has."""
        self.name = name
        self._reviews = reviews
        self._fits, self._off, self._shipped = fits, off, shipped
        self._model = IlkModel(fits.config)

    def fit(self, shop: ShopArrays, seed: int) -> None:
        """Take the shared fit."""
        whole = self._fits.of(shop if self._reviews else replace(shop, review_text=None), seed)
        source = self._fits.config if self._shipped else whole.fitted
        mixes = {
            objective: {name: 0.0 if name in self._off else w for name, w in source.mixes[objective].items()}
            for objective in Objective
        }
        users = {name: 0.0 if name in self._off else weight for name, weight in source.user_mix.items()}
        fitted = FittedIlk(whole.fitted.signals, mixes, users, whole.fitted.config)
        self._model = whole.with_fitted(fitted)

    def score_similar(self, query: IntArray, objective: Objective) -> FloatArray:
        """See `Recommender.score_similar`."""
        return self._model.score_similar(query, objective)

    def score_users(self, users: IntArray) -> FloatArray:
        """See `Recommender.score_users`."""
        return self._model.score_users(users)


def ablations(fits: SharedFits, prefix: str = "", *, reviews: bool = False) -> list[Ablated]:
    """A variant without each part, named after it. reviews: the shop's texts have reviews in them."""
    without = [Ablated(prefix + part, fits, off) for part, off in PARTS.items()]
    if reviews:
        without.append(Ablated(prefix + REVIEWS, fits, reviews=False))
    return [*without, Ablated(prefix + SHIPPED, fits, shipped=True)]
