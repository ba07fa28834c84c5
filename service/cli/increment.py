"""`ilk increment`."""

from service.cli.context import CliContext
from service.cli.refresh import ReleaseRejected
from service.increments.increment import run_increment
from service.reporter import Reporter


def run_increment_command(context: CliContext, json_file: str | None) -> None:
    """Make one increment and report. Raises `ReleaseRejected` when the gate did not let it serve."""
    console = context.console(json_file)
    result = run_increment(context.settings, Reporter(console))
    context.write_json(result.to_json(), json_file)
    console.print(f"  serving    {result.release}")
    if result.full_refresh_wanted:
        console.print("  increments keep being rejected: run `ilk refresh`")
    if not result.published:
        raise ReleaseRejected(f"the increment was not published, {result.reason}")
