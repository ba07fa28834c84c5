"""`ilk refresh`."""

from service.cli.context import CliContext
from service.errors import ServiceError
from service.refresh import refresh
from service.reporter import Reporter


class ReleaseRejected(ServiceError):
    """The gate let the new release not serve."""


def run_refresh(context: CliContext, json_file: str | None) -> None:
    """Refresh and report. Raises `ReleaseRejected` when the gate refused."""
    console = context.console(json_file)
    result = refresh(context.settings, Reporter(console))
    context.write_json(result.to_json(), json_file)
    console.print(f"  serving    {result.release or 'nothing yet'}")
    if not result.published and result.reason != "unchanged":
        raise ReleaseRejected(f"the new release was {result.reason}")
