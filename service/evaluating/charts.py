"""What an evaluation found, as coordinates: intervals, lines over quintiles, cost beside quality.

All take the object of `ilk evaluate --json` and return positions in the units of an SVG view box, so that the
page needs neither a script nor a plotting library.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WIDTH = 640.0
"""Of every chart, in view box units."""
LEFT = 150.0
"""Where plotting begins; labels stand before it."""
ROW = 22.0
"""Height of a row of intervals."""
HEIGHT = 240.0
"""Of charts with axes."""
_MARGIN = 24.0


@dataclass(frozen=True)
class Interval:
    """One comparison as a bar with a dot."""

    label: str
    low: float
    middle: float
    high: float
    """x positions."""
    y: float
    text: str
    verdict: str
    decides: bool


@dataclass(frozen=True)
class Forest:
    """All comparisons on one slice; right of `zero` the reference is better."""

    slice: str
    metric: str
    zero: float
    height: float
    rows: list[Interval]


@dataclass(frozen=True)
class Dot:
    """A labelled point."""

    x: float
    y: float
    label: str
    value: str


@dataclass(frozen=True)
class Line:
    """One model's points, and the same as an SVG points list."""

    model: str
    dots: list[Dot]
    points: str
    hue: int
    """Degrees on the colour wheel."""


@dataclass(frozen=True)
class Plot:
    """Lines or points over two axes."""

    title: str
    x_ticks: list[Dot]
    y_ticks: list[Dot]
    lines: list[Line]


def forests(result: Mapping[str, Any]) -> list[Forest]:
    """One per slice that is no quintile, in the order of the result."""
    by_slice: dict[str, list[Mapping[str, Any]]] = {}
    for row in result["comparisons"]:
        if not row["slice"].startswith("slices/"):
            by_slice.setdefault(row["slice"], []).append(row)
    return [_forest(name, rows) for name, rows in by_slice.items()]


def _forest(name: str, rows: Sequence[Mapping[str, Any]]) -> Forest:
    low: float = min(0.0, *(row["low"] for row in rows))
    high: float = max(0.0, *(row["high"] for row in rows))
    span = (high - low) or 1.0

    def at(value: float) -> float:
        return round(LEFT + (WIDTH - LEFT - _MARGIN) * (value - low) / span, 1)

    marks = [
        Interval(
            row["against"],
            at(row["low"]),
            at(row["difference"]),
            at(row["high"]),
            ROW * (place + 0.5),
            f"{row['difference']:+.4f} ({row['low']:+.4f} to {row['high']:+.4f})",
            row["verdict"],
            row["decides"],
        )
        for place, row in enumerate(rows)
    ]
    return Forest(name, rows[0]["metric"], at(0.0), ROW * len(rows), marks)


def quintile_plots(result: Mapping[str, Any]) -> list[Plot]:
    """NDCG@10 by popularity of the true item, one plot per task that has quintiles."""
    tasks = dict.fromkeys(task for figures in result["models"].values() for task in figures.get("slices", {}))
    return [plot for task in tasks if (plot := _quintiles(result, task))]


def _quintiles(result: Mapping[str, Any], task: str) -> Plot | None:
    series = {
        model: {int(name[-1]): part["ndcg@10"] for name, part in figures["slices"][task].items()}
        for model, figures in result["models"].items()
        if task in figures.get("slices", {})
    }
    top = max((value for points in series.values() for value in points.values()), default=0.0)
    if not top:
        return None
    names = {1: "rarest fifth", 2: "2", 3: "3", 4: "4", 5: "most popular"}
    lines = []
    for place, (model, points) in enumerate(series.items()):
        dots = [
            Dot(_across((q - 1) / 4), _up(value / top), names[q], f"{value:.4f}")
            for q, value in sorted(points.items())
        ]
        lines.append(_line(model, dots, place, len(series)))
    ticks = [Dot(_across((q - 1) / 4), HEIGHT, name, "") for q, name in names.items()]
    return Plot(task.replace("_", " "), ticks, _y_ticks(top), lines)


def cost_plot(result: Mapping[str, Any]) -> Plot | None:
    """Seconds of a fit (logarithmic) against the main figure: `next` NDCG@10, else the users' Recall@20."""
    for path, metric in ((("next", "warm"), "ndcg@10"), (("user_next",), "recall@20")):
        points = {
            model: (max(figures["fit_seconds"], 1e-3), value)
            for model, figures in result["models"].items()
            if (value := _figure(figures, (*path, metric))) is not None
        }
        top = max((value for _, value in points.values()), default=0.0)
        if top > 0:
            return _cost(points, top, f"{' '.join(path)} {metric}")
    return None


def learning_plots(result: Mapping[str, Any]) -> list[Plot]:
    """Validation NDCG@100 and training loss by epoch, of models that train in epochs; none: no plot."""
    curves: dict[str, list[Mapping[str, Any]]] = {}
    for model, figures in result["models"].items():
        for epoch in figures.get("learning_curve", ()):
            curves.setdefault(f"{model}: {epoch['stage']}", []).append(epoch)
    plots = [_curve(curves, "ndcg", "validation NDCG@100"), _curve(curves, "loss", "training loss, nats")]
    return [plot for plot in plots if plot is not None]


def _curve(curves: Mapping[str, Sequence[Mapping[str, Any]]], figure: str, title: str) -> Plot | None:
    series = {
        name: [(epoch["epoch"], epoch[figure]) for epoch in epochs if epoch[figure] is not None]
        for name, epochs in curves.items()
    }
    series = {name: points for name, points in series.items() if points}
    top = max((value for points in series.values() for _, value in points), default=0.0)
    if not top > 0:
        return None
    longest = max(epoch for points in series.values() for epoch, _ in points)

    def at(epoch: int) -> float:
        return _across((epoch - 1) / max(longest - 1, 1))

    lines = [
        _line(
            name,
            [Dot(at(epoch), _up(value / top), f"epoch {epoch}", f"{value:.4f}") for epoch, value in points],
            place,
            len(series),
        )
        for place, (name, points) in enumerate(series.items())
    ]
    marked = sorted({1, (longest + 1) // 2, longest})
    ticks = [Dot(at(epoch), HEIGHT, f"epoch {epoch}", "") for epoch in marked]
    return Plot(title, ticks, _y_ticks(top), lines)


def _cost(points: Mapping[str, tuple[float, float]], top: float, title: str) -> Plot:
    logs = {model: math.log10(seconds) for model, (seconds, _) in points.items()}
    low, high = math.floor(min(logs.values())), math.ceil(max(logs.values()))
    span = max(high - low, 1)
    lines = []
    for place, (model, (seconds, value)) in enumerate(points.items()):
        dot = Dot(
            _across((logs[model] - low) / span), _up(value / top), model, f"{seconds:.2f} s, {value:.4f}"
        )
        lines.append(_line(model, [dot], place, len(points)))
    ticks = [
        Dot(_across((power - low) / span), HEIGHT, f"{10.0**power:g} s", "")
        for power in range(low, low + span + 1)
    ]
    return Plot(title, ticks, _y_ticks(top), lines)


def _figure(figures: Mapping[str, Any], path: Sequence[str]) -> float | None:
    value: Any = figures
    for name in path:
        if name not in value:
            return None
        value = value[name]
    return float(value)


def _line(model: str, dots: list[Dot], place: int, n: int) -> Line:
    points = " ".join(f"{dot.x},{dot.y}" for dot in dots)
    return Line(model, dots, points, round(360 * place / max(n, 1)))


def _across(share: float) -> float:
    return round(LEFT / 2 + (WIDTH - LEFT) * share, 1)


def _up(share: float) -> float:
    return round(HEIGHT - (HEIGHT - _MARGIN) * share, 1)


def _y_ticks(top: float) -> list[Dot]:
    return [Dot(0, _up(share), f"{top * share:.3f}", "") for share in (0.0, 0.5, 1.0)]
