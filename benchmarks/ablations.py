"""What each part of the model is worth: one fit per shop and seed, then the same fit without a part.

    python -m benchmarks.ablations DATA_DIR [--only NAME] [--seeds 0]

Weights of a part are set to 0 and nothing is learned anew, so a part that another one can stand in for shows
less than its share, and one that the mix was learned around shows more. `refit` variants are trained anew.
Files go to `benchmarks/results/<shop>-ablations.json`.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from benchmarks.measurement import machine
from benchmarks.quality import RESULTS, SHOPS
from gnn import IlkConfig, IlkModel
from gnn.evaluation import evaluate
from gnn.fitted_ilk import FittedIlk
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from gnn.similar_features import CATALOGUE_NAMES, ITEM_PATHS, TREND_NAMES
from gnn.user_features import EMBEDDING_FEATURES, USER_PATHS
from service.evaluation import EvaluateRequest, read_shop
from service.reporter import Reporter
from service.settings import load_settings

EMBEDDINGS = ("embedding", *EMBEDDING_FEATURES)
PATHS = (*ITEM_PATHS, *USER_PATHS)
PARTS: Mapping[str, tuple[str, ...]] = {
    "everything there": (),
    "text channel": ("text", "text_rare", "text_recent"),
    "co-engaged (K)": ("co_engaged", "co_engaged_recent", "co_engaged_all"),
    "text, co-engaged (NK)": ("text_co_engaged",),
    "co-engaged, text (KN)": ("co_engaged_text",),
    "text, co-engaged, text (NKN)": ("text_co_engaged_text", "text_co_engaged_text_recent"),
    "shared user (U)": ("shared_user",),
    "all paths": PATHS,
    "trained embeddings": EMBEDDINGS,
    "paths and embeddings": (*PATHS, *EMBEDDINGS),
    "trends": TREND_NAMES,
    "trend of all times": ("trend_always",),
    "categories": CATALOGUE_NAMES[:1],
    "brand": CATALOGUE_NAMES[1:],
}
SHIPPED = "learned mix"
"""The shipped weights in place of the learned ones."""


class Fits:
    """One fit per shop state and seed, shared by all variants."""

    def __init__(self, config: IlkConfig) -> None:
        self.config = config
        self._fits: dict[tuple[int, int], IlkModel] = {}

    def of(self, shop: ShopArrays, seed: int) -> IlkModel:
        """The fit, made when first asked for."""
        key = (shop.n_events, seed)
        if key not in self._fits:
            model = IlkModel(self.config)
            model.fit(shop, seed)
            self._fits[key] = model
        return self._fits[key]


class Without:
    """A `Recommender`: the fitted model with some weights at 0."""

    def __init__(self, name: str, fits: Fits, off: tuple[str, ...], *, shipped: bool = False) -> None:
        self.name = name
        self._fits, self._off, self._shipped = fits, off, shipped
        self._model = IlkModel(fits.config)

    def fit(self, shop: ShopArrays, seed: int) -> None:
        """Take the shared fit."""
        whole = self._fits.of(shop, seed)
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


def measure(folder: Path, seeds: tuple[int, ...], home: Path | None) -> dict[str, object]:
    """Figures of every variant on one shop."""
    data = read_shop(EvaluateRequest(folder), load_settings(home), Reporter(Console(stderr=True)))
    fits, flat = Fits(IlkConfig()), IlkConfig(embedding=replace(IlkConfig().embedding, layers=0))
    variants = [Without(name, fits, off) for name, off in PARTS.items()]
    variants.append(Without(SHIPPED, fits, (), shipped=True))
    variants.append(Without("propagation (refit)", Fits(flat), ()))
    result = evaluate(data, variants, seeds, reference="everything there")
    return result.as_json() | {"measured": {"on": machine()}}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", action="append", choices=SHOPS)
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--home", type=Path, help="whose text cache is used; default as for ilk")
    given = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    for shop in given.only or SHOPS:
        result = measure(given.data / shop, tuple(int(s) for s in given.seeds.split(",")), given.home)
        path = RESULTS / f"{shop}-ablations.json"
        path.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
        print(path.name)


if __name__ == "__main__":
    main()
