"""`ilk load`."""

from pathlib import Path

from rich.console import Console

from graph.formats import Counts
from service.cli.context import CliContext
from service.demo.demo import refuse_demos_home
from service.errors import CallerMistake, IncompleteInput
from service.intake.load import load
from service.intake.load_report import LoadReport
from service.reporter import Reporter


def run_load(
    context: CliContext, path: Path, format_name: str, mapping: Path | None, json_file: str | None
) -> None:
    """Load, print the report. Raises after it: `IncompleteInput` when a file could not be read to its end or
    a first load lacks its catalogue, `CallerMistake` when it found nothing at all."""
    refuse_demos_home(context.home, path)
    console = context.console(json_file)
    report = load_with_progress(context, path, format_name, mapping, console)
    context.write_json(report.to_json(), json_file)
    print_report(report, console)
    if report.incomplete:
        raise IncompleteInput(
            f"{path}: {report.incomplete} file(s) end early or are damaged; what could be read was loaded, "
            f"see {report.quarantine}"
        )
    hollow = ", ".join(report.hollow)
    if report.into_empty and not (report.items.read or report.events.read):
        raise CallerMistake(
            f"{path}: nothing to load ({hollow}: no row), and the home holds no item yet; look at what "
            "wrote the files (in a home with items such a delivery is fine)"
        )
    if report.lacks_catalogue:
        raise IncompleteInput(
            f"{path}: the events are in, the catalogue is not: {hollow} holds no row; load the items before "
            "`ilk refresh`, which else learns without titles"
        )


def load_with_progress(
    context: CliContext, path: Path, format_name: str, mapping: Path | None, console: Console
) -> LoadReport:
    """Load with a running count of rows."""
    reporter = Reporter(console)
    with reporter.stage("load") as stage:
        report = load(
            path,
            context.settings,
            format_name=format_name,
            mapping=mapping,
            on_rows=lambda kind, rows: stage.count(rows, kind),
        )
        stage.note = f"{report.format}: {report.items.read:,} items, {report.events.read:,} events read"
    return report


def print_report(report: LoadReport, console: Console) -> None:
    """The counts in words."""
    for name, counts in (("items", report.items), ("events", report.events)):
        console.print(f"  {name:<10} {_in_words(counts)}", soft_wrap=not console.is_terminal)
    for note in report.notes:
        console.print(f"  note       {note}")
    if report.quarantine:
        console.print(f"  rejected and repaired rows, with file and line: {report.quarantine}")


def _in_words(counts: Counts) -> str:
    parts = [f"{counts.read:,} read", f"{counts.accepted:,} new", f"{counts.duplicates:,} already there"]
    parts += [f"{n:,} rejected ({reason})" for reason, n in sorted(counts.rejected.items())]
    parts += [f"{n:,} repaired ({reason})" for reason, n in sorted(counts.repaired.items())]
    return ", ".join(parts)
