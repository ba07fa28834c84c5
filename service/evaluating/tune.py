"""Settings that suit one shop: trials on its validation block, never on its newest tenth."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gnn import IlkModel
from gnn.evaluation import EvaluationData
from gnn.evaluation.comparison import main_metric
from gnn.evaluation.judging import TestCases, judge, temporal_cases
from gnn.evaluation.split import Split
from service.errors import CallerMistake
from service.evaluating.evaluation import EvaluateRequest, read_shop
from service.home import Home
from service.model_config import model_config
from service.reporter import Reporter
from service.settings import ModelSettings, Settings

if TYPE_CHECKING:
    from optuna import Study, Trial  # an extra: imported when a search begins

TASKS: tuple[tuple[str, ...], ...] = (("next", "warm"), ("basket", "warm"), ("user_next",))
"""What a trial is judged by: the mean over those with cases of its figure relative to the defaults'."""

TOO_FEW = "too few events to tune on: the ninth tenth of them must hold cases to validate with"

SPACE: Mapping[str, tuple[float, float]] = {
    "text.whitening": (0.1, 0.6),
    "text.hub_correction": (0.0, 0.5),
    "co_engagement.gap_decay": (0.1, 1.0),
    "co_engagement.degree_exponent": (0.1, 0.5),
    "embedding.residual_dropout": (0.0, 0.6),
    "training.temperature": (0.08, 0.25),
    "mixes.next.text": (0.1, 0.8),
    "mixes.next.embedding": (0.3, 1.4),
    "mixes.next.co_engaged": (0.1, 1.2),
    "mixes.together.text": (0.0, 0.8),
    "mixes.together.embedding": (0.4, 1.6),
    "mixes.together.co_engaged": (0.3, 3.0),
    "user_mix.embedding_user": (0.1, 0.9),
    "user_mix.trend_days": (0.0, 0.8),
}
"""Option of `model.options`, with the range that is searched."""


@dataclass(frozen=True)
class TuneRequest:
    """What `ilk tune` was asked for."""

    path: Path
    format_name: str = "auto"
    mapping: Path | None = None
    minutes: float = 10.0
    trials: int | None = None
    """Stop after so many in all, those of earlier runs included; `None`: only the minutes count."""


@dataclass(frozen=True)
class TuneResult:
    """What a search found so far."""

    trials: int
    """Of all runs."""
    best: dict[str, float]
    """Option -> value; empty where nothing beats the defaults."""
    gain: float
    """Best score relative to the defaults' on the validation block; 1.0: no better."""

    def fragment(self) -> str:
        """Lines for `ilk.toml`; comments say how they came about."""
        lines = [f"# ilk tune: {self.trials} trials, validation figures x {self.gain:.3f} of the defaults'"]
        if not self.best:
            return lines[0] + "; nothing beats the defaults\n"
        tables: dict[str, list[str]] = {}
        for name, value in sorted(self.best.items()):
            table, _, field = name.rpartition(".")
            tables.setdefault(table, []).append(f"{field} = {value:.4g}")
        for table, fields in tables.items():
            lines += [f"[model.options.{table}]", *fields]
        return "\n".join(lines) + "\n"


def tune(request: TuneRequest, settings: Settings, reporter: Reporter) -> TuneResult:
    """Search until the minutes are over; a later call with the same data goes on where this one stopped.

    Each trial fits on the oldest 80 % of the events and is judged on the next 10 %. The last 10 % are never
    looked at, so `ilk evaluate` remains a fair check. Raises `CallerMistake`, `UnreadableInput`.
    """
    data = read_shop(EvaluateRequest(request.path, request.format_name, request.mapping), settings, reporter)
    study = _study(Home(settings.home), data, settings)
    trials = _Trials(data, settings)
    deadline = time.monotonic() + 60.0 * request.minutes
    with reporter.stage("tune") as stage:
        while not study.trials or (time.monotonic() < deadline and len(study.trials) != request.trials):
            study.optimize(trials.score, n_trials=1)
            stage.step("trials", len(study.trials), request.trials or len(study.trials))
        stage.note = f"{len(study.trials)} trials"
    gain = float(study.best_value)
    best = {name: float(value) for name, value in study.best_params.items()} if gain > 1.0 else {}
    return TuneResult(len(study.trials), best, gain)


def _study(home: Home, data: EvaluationData, settings: Settings) -> "Study":
    """The search of this data and these settings, with all earlier trials; the defaults are the first."""
    try:
        import optuna
        from optuna.storages.journal import JournalFileBackend
    except ImportError:
        raise CallerMistake("ilk tune needs optuna: pip install 'ilk[tune]'") from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    folder = home.root / "tune"
    folder.mkdir(parents=True, exist_ok=True)
    storage = optuna.storages.JournalStorage(JournalFileBackend(str(folder / "trials.jsonl")))
    study = optuna.create_study(
        storage=storage,
        study_name=_digest(data, settings),
        sampler=optuna.samplers.TPESampler(seed=0, n_startup_trials=8),
        direction="maximize",
        load_if_exists=True,
    )
    if not study.trials:
        study.enqueue_trial(dict(_defaults(settings)), skip_if_exists=True)
    return study


def _digest(data: EvaluationData, settings: Settings) -> str:
    """Changes with the events, the options that stay fixed, and the space."""
    state = blake2b(digest_size=12)
    for column in (data.shop.user, data.shop.item, data.shop.at, data.shop.weight):
        state.update(np.ascontiguousarray(column).tobytes())
    state.update(json.dumps([settings.model.model_dump(mode="json"), dict(SPACE)], sort_keys=True).encode())
    return state.hexdigest()


def _defaults(settings: Settings) -> Iterator[tuple[str, float]]:
    """Present value of every option of the space, brought into its range."""
    config = model_config(settings.model).to_json()
    for name, (low, high) in SPACE.items():
        value: Any = config
        for part in name.split("."):
            value = value[part]
        yield name, min(max(float(value), low), high)


class _Trials:
    """Fits and judges one choice of options after another on the same cases."""

    def __init__(self, data: EvaluationData, settings: Settings) -> None:
        n = data.shop.n_events
        if n < 10:
            raise CallerMistake(TOO_FEW)
        split = Split(n * 8 // 10, n * 9 // 10)
        self._shop = data.visible(0, split.fit_stop)
        self._cases: TestCases = temporal_cases(data, split)
        self._settings = settings
        self._reference = self._figures({})
        if not self._reference:
            raise CallerMistake(TOO_FEW)

    def score(self, trial: "Trial") -> float:
        """Mean over the tasks of the trial's figure relative to the defaults'."""
        chosen = {
            name: trial.suggest_float(name, low, high, step=None) for name, (low, high) in SPACE.items()
        }
        figures = self._figures(_nested(chosen))
        return float(np.mean([figures[task] / self._reference[task] for task in self._reference]))

    def _figures(self, options: Mapping[str, Any]) -> dict[tuple[str, ...], float]:
        """Main figure of each task with cases and a figure above 0."""
        merged = _merged(self._settings.model.options, options)
        settings = ModelSettings(**(self._settings.model.model_dump() | {"options": merged}))
        model = IlkModel(model_config(settings))
        model.fit(self._shop, settings.seed)
        found = {scores.path: scores for scores in judge(model, self._cases) if scores.path in TASKS}
        figures = {path: scores.means()[main_metric(path)] for path, scores in found.items()}
        return figures if options else {path: value for path, value in figures.items() if value > 0}


def _nested(flat: Mapping[str, float]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        *path, field = name.split(".")
        inner = nested
        for part in path:
            inner = inner.setdefault(part, {})
        inner[field] = value
    return nested


def _merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """`over` on top of `base`, table by table."""
    merged = dict(base)
    for name, value in over.items():
        own = merged.get(name)
        merged[name] = (
            _merged(own, value) if isinstance(own, Mapping) and isinstance(value, Mapping) else value
        )
    return merged
