"""`ilk report`."""

from pathlib import Path
from typing import Any

from rich.table import Table

from service.cli.context import CliContext
from service.errors import CallerMistake
from service.reporting.page import report_page
from service.reporting.report import build_report


def run_report(context: CliContext, version: str | None, html: Path | None, json_file: str | None) -> None:
    """Show the report of a release; write it where asked. Raises `UnknownRelease`, `CallerMistake`."""
    report = build_report(context.home, version)
    context.write_json(report, json_file)
    if html is not None:
        try:
            html.write_text(report_page(report), "utf-8")
        except OSError as error:
            raise CallerMistake(f"--html {html}: {error.strerror}") from None
    if json_file == "-":
        return
    release, gate, neighbours, graph = (report[n] for n in ("release", "gate", "neighbours", "graph"))
    table = Table(box=None, show_header=False)
    rows = {
        "release": f"{release['version']}{', serves now' if release['serving'] else ''}",
        "made": f"{release['created_at']}, after {release['parent'] or 'none'}",
        "gate": gate.get("reason", "not judged"),
        "neighbours": _neighbours(neighbours),
        "drift": _drift(report["drift"]),
        "graph": "not looked at" if graph is None else "sound" if graph["sound"] else "has faults",
        "stages": ", ".join(
            f"{stage['name']} {'skipped' if stage['skipped'] else format(stage['seconds'], '.1f') + ' s'}"
            for stage in report["stages"] or []
        ),
    }
    for name, value in rows.items():
        table.add_row(f"[bold]{name}[/bold]", value)
    console = context.console(json_file)
    console.print(table)
    if html is not None:
        console.print(f"  written to {html}")


def _neighbours(found: dict[str, Any] | None) -> str:
    if found is None:
        return "nothing to compare with"
    return f"{found['overlap']:.1%} of the ten of {found['items']:,} items as in {found['against']}"


def _drift(found: dict[str, Any] | None) -> str:
    if found is None:
        return "nothing was learned by day"
    return f"{1 - found['overlap']:.1%} of the neighbours differ from what was learned by day"
