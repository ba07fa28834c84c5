"""`ilk sync`."""

from rich.markup import escape

from service.cli.context import CliContext
from service.errors import ServiceError
from service.home import Home
from service.intake.sync import source_status, sync


def run_sync(context: CliContext, now_all: bool, json_file: str | None) -> None:
    """Sync, print a line per source. Raises `ServiceError` after it where a source failed."""
    settings = context.settings
    reports = sync(settings, now_all=now_all)
    lags = {status["name"]: status for status in source_status(settings, Home(settings.home))}
    result = [{**report.to_json(), "lag_seconds": lags[report.name]["lag_seconds"]} for report in reports]
    context.write_json({"sources": result}, json_file)
    console = context.console(json_file)
    for report in reports:
        counts = f"{report.load.items.accepted:,} items, {report.load.events.accepted:,} events new"
        told = report.error or f"{report.files_read} files read, {counts}"
        console.print(
            f"  [bold]{escape(report.name)}[/bold]  {report.outcome}  {escape(told)}", soft_wrap=True
        )
    failed = [report.name for report in reports if report.outcome == "failed"]
    if failed:
        raise ServiceError(
            f"{len(failed)} of {len(reports)} sources failed ({', '.join(failed)}); the others are in, "
            "these are tried again"
        )
