"""Baselines by the names of `ilk evaluate --models`."""

from collections.abc import Callable, Sequence
from functools import partial

from gnn.baselines import ease, ials, item_knn, lightgcn, recent_popularity, rp3beta, text, text_knn
from gnn.baselines.ease import Ease
from gnn.baselines.ials import Ials
from gnn.baselines.item_knn import ItemKnn
from gnn.baselines.lightgcn import LightGcn
from gnn.baselines.popularity import Popularity
from gnn.baselines.recent_popularity import RecentPopularity
from gnn.baselines.rp3beta import Rp3beta
from gnn.baselines.text import Text
from gnn.baselines.text_knn import TextKnn
from gnn.baselines.tuning import Tuned, Tuning
from gnn.recommender import Recommender

_FIXED: dict[str, Callable[[], Recommender]] = {
    model.name: model
    for model in (Popularity, RecentPopularity, ItemKnn, Rp3beta, Ease, Ials, Text, TextKnn, LightGcn)
}

_GRIDS: dict[str, Sequence[Callable[[], Recommender]]] = {
    RecentPopularity.name: [partial(RecentPopularity, config) for config in recent_popularity.GRID],
    ItemKnn.name: [partial(ItemKnn, config) for config in item_knn.GRID],
    Rp3beta.name: [partial(Rp3beta, config) for config in rp3beta.GRID],
    Ease.name: [partial(Ease, config) for config in ease.GRID],
    Ials.name: [partial(Ials, config) for config in ials.GRID],
    Text.name: [partial(Text, config) for config in text.GRID],
    TextKnn.name: [partial(TextKnn, config) for config in text_knn.GRID],
    LightGcn.name: [partial(LightGcn, config) for config in lightgcn.GRID],
}

BASELINES: tuple[str, ...] = tuple(_FIXED)
"""Names, in order of presentation."""


def baseline(name: str, tuning: Tuning = Tuning.NONE) -> Recommender:
    """An unfitted baseline. Raises `KeyError` naming the known ones; popularity has nothing to tune."""
    if name not in _FIXED:
        raise KeyError(f"no baseline {name!r}; there are {', '.join(BASELINES)}")
    if tuning is Tuning.VALID and name in _GRIDS:
        return Tuned(_GRIDS[name])
    return _FIXED[name]()
