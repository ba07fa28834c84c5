"""The report as one HTML file that needs nothing else: no script, no address of another machine."""

from typing import Any

from markupsafe import Markup

from service.page_templates import page_template
from service.reporting.plots import Bar, Line, bar_plot, line_plot

_MIB = 2**20
DRIFT_FIFTHS = ("rarest fifth", "3rd", "most popular fifth")
LINES = 4
"""That a plot has colours and room for."""


def report_page(report: dict[str, Any]) -> str:
    """The page of what `build_report` gives. Everything that comes from the shop is escaped."""
    template = page_template("report.html", count=_count, share=_share, mib=_mib)
    return template.render(**report, plots=_plots(report))


def _plots(report: dict[str, Any]) -> dict[str, Markup]:
    plots = {}
    if report["stages"]:
        bars = [_stage_bar(stage) for stage in report["stages"]]
        plots["stages"] = bar_plot("Seconds of each stage", bars)
    if report["quality_by_popularity"]:
        names = ("rarest fifth", "2nd", "3rd", "4th", "most popular fifth")
        bars = [
            Bar(names[int(row["fifth"]) - 1], row["ndcg@10"], f"{row['ndcg@10']:.4f}  ({row['pairs']:,})")
            for row in report["quality_by_popularity"]
        ]
        plots["quality"] = bar_plot("NDCG@10 by popularity of the item that came next", bars)
    for name in ("by_popularity", "by_category"):
        if report["neighbours"]:
            plots[name] = _shares("Share of neighbours that stayed", report["neighbours"][name])
        if report["drift"]:
            plots[f"drift_{name}"] = _shares("Share of neighbours in both", report["drift"][name])
    return plots | _trend_plots(report["trend"]) | _drift_plots(report["trend"])


def _shares(title: str, groups: list[dict[str, Any]]) -> Markup:
    bars = [Bar(row["name"], row["overlap"], f"{row['overlap']:.0%}  ({row['items']:,})") for row in groups]
    return bar_plot(title, bars, top=1.0)


def _drift_plots(trend: list[dict[str, Any]]) -> dict[str, Markup]:
    """Drift of each night by popularity and by category; empty where no night had any."""
    found = [point["drift"] for point in trend]
    known = [drift for drift in found if drift]
    if not known:
        return {}
    labels = [str(point["release"]) for point in trend]

    def line(name: str, field: str | None) -> Line:
        shared = [None if not d else d["overlap"] if field is None else d[field].get(name) for d in found]
        return Line(name, [None if value is None else 1 - value for value in shared])

    whole = line("all items", None)
    fifths = [line(name, "by_popularity") for name in DRIFT_FIFTHS]
    categories = [line(name, "by_category") for name in list(known[-1]["by_category"])[: LINES - 1]]
    title = "Share of the ten neighbours in which the full model differs from the day's"
    return {
        "trend_drift_by_popularity": line_plot(title, [whole, *fifths], labels),
        "trend_drift_by_category": line_plot(title, [whole, *categories], labels),
    }


def _trend_plots(trend: list[dict[str, Any]]) -> dict[str, Markup]:
    if not trend:
        return {}

    def line(name: str, field: str, scale: float = 1.0) -> Line:
        return Line(name, [None if p[field] is None else p[field] * scale for p in trend])

    labels = [str(point["release"]) for point in trend]
    quality = [line("Ilk NDCG@10", "ndcg@10"), line("popularity", "popularity_ndcg@10")]
    return {
        "trend_quality": line_plot("Quality on the newest events", quality, labels),
        "trend_overlap": line_plot("Neighbours that stayed", [line("overlap@10", "overlap")], labels),
        "trend_seconds": line_plot("Seconds of a refresh", [line("seconds", "seconds")], labels),
        "trend_memory": line_plot("Memory", [line("peak MiB", "peak_memory_bytes", 1 / _MIB)], labels),
    }


def _stage_bar(stage: dict[str, Any]) -> Bar:
    if stage["skipped"]:
        return Bar(stage["name"], 0.0, "skipped")
    return Bar(stage["name"], stage["seconds"], f"{stage['seconds']:,.1f} s")


def _count(value: float | None) -> str:
    return "-" if value is None else f"{value:,}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _mib(value: float | None) -> str:
    return "-" if value is None else f"{value / _MIB:,.1f} MiB"
