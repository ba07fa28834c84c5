"""Ilk's own model: typed paths, trained embeddings, texts and trend, weighed per objective."""

from dataclasses import replace
from typing import Self

from gnn.fitted_ilk import FittedIlk
from gnn.fitting import Fit, FitProgress, fit_with, silent
from gnn.ilk_config import IlkConfig
from gnn.learning_curve import EpochFigures
from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray, ShopArrays
from gnn.user_rows import user_rows


class IlkModel:
    """Implements `gnn.recommender.Recommender`; `fitted` is what is served."""

    def __init__(self, config: IlkConfig | None = None, fit: Fit | None = None) -> None:
        """fit: an outcome to start from, instead of `fit`."""
        self._config = config or IlkConfig()
        self._fit = fit
        self.learning_curve: tuple[EpochFigures, ...] = ()
        """Epochs of the last `fit`."""

    @property
    def name(self) -> str:
        """As in `ilk evaluate --models`."""
        return "ilk"

    @property
    def fitted(self) -> FittedIlk:
        """The fitted model. Raises `RuntimeError` before `fit`."""
        return self._fitted().model

    def fit(self, shop: ShopArrays, seed: int, progress: FitProgress = silent) -> None:
        """Learn from all events of the shop; the newest ninth chooses epochs and mix first."""
        curve: list[EpochFigures] = []
        self._fit = fit_with(self._config, shop, seed, progress, log=curve.append)
        self.learning_curve = tuple(curve)

    def with_fitted(self, fitted: FittedIlk) -> Self:
        """The same model of users over another fitted one, e.g. one with a part switched off."""
        return type(self)(self._config, replace(self._fitted(), model=fitted))

    def score_similar(self, query: IntArray, objective: Objective) -> FloatArray:
        """See `Recommender.score_similar`."""
        return self.fitted.score_similar(query, objective)

    def score_users(self, users: IntArray) -> FloatArray:
        """See `Recommender.score_users`; a user without history gets what trends."""
        fit = self._fitted()
        return fit.model.score_user_rows(user_rows(fit.histories, users, fit.model.config.users))

    def _fitted(self) -> Fit:
        if self._fit is None:
            raise RuntimeError("fit the model first")
        return self._fit
