"""Small plots as SVG that a page can hold: no script, colours by class, readable by a screen reader."""

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH = 640
_LABEL, _ROW, _HEIGHT, _MARGIN = 200, 24, 180, 44


@dataclass(frozen=True)
class Bar:
    """One bar of a plot."""

    label: str
    value: float
    shown: str
    """The value as people read it."""


@dataclass(frozen=True)
class Line:
    """One line of a plot; None: no value there, the line has a gap."""

    name: str
    values: Sequence[float | None]


def bar_plot(title: str, bars: Sequence[Bar], top: float | None = None) -> Markup:
    """Horizontal bars. top: value of a full bar; default: the largest."""
    full = top or max((bar.value for bar in bars), default=0.0) or 1.0
    room = WIDTH - _LABEL - 90
    rows = []
    for number, bar in enumerate(bars):
        y = number * _ROW
        length = max(1.0, room * min(bar.value / full, 1.0)) if bar.value > 0 else 0.0
        rows.append(
            f'<text x="{_LABEL - 8}" y="{y + 16}" text-anchor="end">{escape(_short(bar.label))}</text>'
            f'<rect class="bar" x="{_LABEL}" y="{y + 4}" width="{length:.1f}" height="{_ROW - 8}" rx="2"/>'
            f'<text class="value" x="{_LABEL + length + 6:.1f}" y="{y + 16}">{escape(bar.shown)}</text>'
        )
    return _svg(title, len(bars) * _ROW + 4, "".join(rows))


def line_plot(title: str, lines: Sequence[Line], labels: Sequence[str]) -> Markup:
    """Lines over releases, from 0 to the largest value; a single point is a dot."""
    known = [value for line in lines for value in line.values if value is not None]
    top = max(known, default=0.0) or 1.0
    step = (WIDTH - 2 * _MARGIN) / max(len(labels) - 1, 1)
    floor = _HEIGHT - 26
    parts = [
        f'<line class="axis" x1="{_MARGIN}" x2="{WIDTH - _MARGIN}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text class="value" x="{_MARGIN - 6}" y="{y + 4:.1f}" text-anchor="end">{top * share:.3g}</text>'
        for share in (0.0, 0.5, 1.0)
        for y in [floor - share * (floor - 12)]
    ]
    for number, line in enumerate(lines):
        points = [
            (_MARGIN + place * step, floor - value / top * (floor - 12))
            for place, value in enumerate(line.values)
            if value is not None
        ]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f'<polyline class="line line{number}" points="{path}"/>')
        parts += [f'<circle class="dot line{number}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>' for x, y in points]
        x = _MARGIN + number * 150
        parts.append(
            f'<rect class="key line{number}" x="{x}" y="{_HEIGHT - 12}" width="10" height="10"/>'
            f'<text class="value" x="{x + 15}" y="{_HEIGHT - 3}">{escape(_short(line.name, 20))}</text>'
        )
    ends = [labels[0], labels[-1]] if len(labels) > 1 else list(labels)
    for x, label, anchor in zip((_MARGIN, WIDTH - _MARGIN), ends, ("start", "end"), strict=False):
        parts.append(
            f'<text class="value" x="{x}" y="{floor + 13}" text-anchor="{anchor}">{escape(label)}</text>'
        )
    return _svg(title, _HEIGHT, "".join(parts))


def _svg(title: str, height: int, body: str) -> Markup:
    return Markup(  # noqa: S704 - every text in `body` went through `escape`
        f'<svg role="img" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}">'
        f"<title>{escape(title)}</title>{body}</svg>"
    )


def _short(label: str, most: int = 28) -> str:
    return label if len(label) <= most else label[: most - 1] + "…"
