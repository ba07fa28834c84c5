"""An evaluation as one HTML file that needs nothing else: no script, no address of another machine."""

from collections.abc import Mapping, Sequence
from typing import Any

from gnn.evaluation.ablation import LEFT_OUT
from service.evaluating.charts import HEIGHT, LEFT, WIDTH, cost_plot, forests, learning_plots, quintile_plots
from service.page_templates import page_template

HEALTH = ("coverage@10", "gini", "long_tail_share", "intra_list_diversity")


def evaluation_page(result: Mapping[str, Any], columns: Sequence[tuple[str, tuple[str, ...]]]) -> str:
    """Page of the object of `ilk evaluate --json`; everything that comes from the data is escaped.

    columns: (title, path of the figure) of the table of figures; columns that no model has are left out.
    """
    whole = {name: found for name, found in result["models"].items() if not name.startswith(LEFT_OUT)}
    peers = {
        **result,
        "models": whole,
    }  # charts compare models; a model without a part has a table of its own
    return page_template("evaluation.html").render(
        result=result,
        table=_table(result["models"], columns),
        health=[
            (name, [f"{figures['health'][key]:.3f}" for key in HEALTH])
            for name, figures in result["models"].items()
            if "health" in figures
        ],
        health_names=HEALTH,
        forests=forests(result),
        parts=_parts(result["models"], columns),
        quintiles=quintile_plots(peers),
        learning=learning_plots(peers),
        cost=cost_plot(peers),
        width=WIDTH,
        left=LEFT,
        height=HEIGHT,
    )


def _table(
    models: Mapping[str, Any], columns: Sequence[tuple[str, tuple[str, ...]]]
) -> tuple[list[str], list[tuple[str, list[tuple[str, bool]]]]]:
    """(titles, rows of (model, cells of (text, whether it is the column's best)))."""
    values = {title: [_value(figures, path) for figures in models.values()] for title, path in columns}
    shown = {title: found for title, found in values.items() if any(value is not None for value in found)}
    best = {title: max(value for value in found if value is not None) for title, found in shown.items()}
    rows = [
        (
            name,
            [
                ("-", False) if (value := found[place]) is None else (f"{value:.4f}", value >= best[title])
                for title, found in shown.items()
            ],
        )
        for place, name in enumerate(models)
    ]
    return list(shown), rows


def _parts(
    models: Mapping[str, Any], columns: Sequence[tuple[str, tuple[str, ...]]]
) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """(titles, rows of (part left out, changes relative to the whole model)); no rows without ablations."""
    whole = models.get("ilk", {})
    shown = [(title, path) for title, path in columns if _value(whole, path)]
    rows = []
    for name, figures in models.items():
        if name.startswith(LEFT_OUT):
            pairs = [(_value(figures, path), _value(whole, path)) for _, path in shown]
            cells = [
                f"{now / before - 1:+.1%}" if now is not None and before else "-" for now, before in pairs
            ]
            rows.append((name.removeprefix(LEFT_OUT), cells))
    return [title for title, _ in shown], rows


def _value(figures: Mapping[str, Any], path: Sequence[str]) -> float | None:
    value: Any = figures
    for name in path:
        if not isinstance(value, Mapping) or name not in value:
            return None
        value = value[name]
    return float(value)
