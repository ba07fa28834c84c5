"""Look at a shop's files before anything is loaded: what they are, what is wrong, what Ilk would gain."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from encoders import Coverage, EncoderError, item_texts, measure_coverage
from graph.formats import Problem, open_shop
from service.checking.activity import MAX_PER_MINUTE, Activity, measure_activity
from service.checking.catalogue import Catalogue, measure_catalogue
from service.checking.gain import Gain, measure_gain
from service.checking.outliers import Outliers, price_outliers, quantity_outliers
from service.checking.scan import Scan, scan
from service.errors import CallerMistake
from service.home import Home
from service.reporter import Reporter
from service.settings import Settings
from service.texts import open_texts


@dataclass(frozen=True)
class CheckRequest:
    """What `ilk check` was asked for. Raises `CallerMistake`."""

    path: Path
    format_name: str = "auto"
    mapping: Path | None = None
    examples: int = 3
    """Examples of each sort; 0: none, so that the report holds no row of the data."""
    max_per_minute: int = MAX_PER_MINUTE
    gain: bool = True
    """Whether to make the trial."""

    def __post_init__(self) -> None:
        if not 0 <= self.examples <= 100 or self.max_per_minute < 1:
            raise CallerMistake("--examples is 0 to 100, --max-per-minute at least 1")


@dataclass(frozen=True)
class TextCheck:
    """Whether the text model reads the shop's language."""

    model: str
    coverage: Coverage | None = None
    skipped: str | None = None
    """Why it was not measured."""


@dataclass(frozen=True)
class CheckReport:
    """Everything that `ilk check` found."""

    path: str
    scan: Scan
    catalogue: Catalogue
    activity: Activity
    outliers: list[Outliers]
    text: TextCheck
    gain: Gain

    def to_json(self) -> dict[str, Any]:
        """As in `--json`."""
        return {
            "path": self.path,
            "format": self.scan.format,
            "notes": self.scan.notes,
            **{kind: counts.as_dict() for kind, counts in self.scan.counts.items()},
            "examples": [
                {"kind": kind, "outcome": outcome, "reason": reason, **_place(problem)}
                for (kind, outcome, reason), problems in sorted(self.scan.examples.items())
                for problem in problems
            ],
            "catalogue": asdict(self.catalogue),
            "activity": asdict(self.activity),
            "outliers": [asdict(one) for one in self.outliers],
            "text": asdict(self.text),
            "gain": asdict(self.gain),
        }


def check(request: CheckRequest, settings: Settings, reporter: Reporter) -> CheckReport:
    """Read the files and measure; nothing is loaded.

    Raises `UnreadableInput` (path, format, mapping).
    """
    reader = open_shop(request.path, request.format_name, request.mapping, settings.cleaning.rules())
    with reporter.stage("read") as stage:
        found = scan(reader, request.examples, stage.count)
        stage.note = f"{found.format}: {found.items.height:,} items, {found.outline.height:,} events"
    catalogue = measure_catalogue(found.items, found.outline, request.examples)
    activity = measure_activity(
        found.outline, found.user_names, request.examples, max_per_minute=request.max_per_minute
    )
    outliers = [
        *price_outliers(found.items, request.examples),
        *quantity_outliers(found.quantities, found.largest, request.examples),
    ]
    gain = Gain(skipped="The trial was left out, as asked.")
    with _lent_home(settings) as lent:
        text = _check_text(found, lent)
        if request.gain:
            gain = measure_gain(found, lent, reporter)
    return CheckReport(request.path.resolve().name, found, catalogue, activity, outliers, text, gain)


@contextmanager
def _lent_home(settings: Settings) -> Iterator[Settings]:
    """A home that exists lends its cache of encoded texts; where there is none, none is left behind."""
    if Home(settings.home).event_log.exists():
        yield settings
        return
    with tempfile.TemporaryDirectory(prefix="ilk-check-") as folder:
        yield settings.model_copy(update={"home": Path(folder)})


def _check_text(found: Scan, settings: Settings) -> TextCheck:
    model = settings.encoder.model
    texts = [text for text in item_texts(found.items) if text]
    if not texts:
        return TextCheck(model, skipped="No item has a text.")
    try:
        cutter = open_texts(settings, Home(settings.home)).cutter
    except EncoderError as error:
        return TextCheck(model, skipped=f"The text model could not be opened: {error}")
    if cutter is None:
        return TextCheck(model, skipped="This text model has no vocabulary to compare with.")
    return TextCheck(model, measure_coverage(cutter, texts))


def _place(problem: Problem) -> dict[str, object]:
    return {"file": problem.file, "line": problem.line, "rows": problem.rows, "excerpt": problem.excerpt}
