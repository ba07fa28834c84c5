"""`ilk status`."""

from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from service.cli.context import CliContext
from service.errors import ServiceError
from service.status import read_status

NOTHING = {
    "release": "none yet; `ilk refresh` makes one",
    "updater": "never ran; `ilk serve` starts it",
    "schedule": "nothing planned",
    "counted_at": "never",
}
"""What stands in the place of nothing; of counts: that they are not known."""


def run_status(context: CliContext, json_file: str | None) -> None:
    """Show counts, sequence numbers, release and store. Raises `ServiceError` after it where the store is out
    of reach."""
    context.home.require()
    result = read_status(context.settings, context.home)
    context.write_json(result, json_file)
    if json_file != "-":
        _show(dict(result), context.console(json_file))
    if not result["store"]["ok"]:
        raise ServiceError(result["problem"])


def _show(result: dict[str, Any], console: Console) -> None:
    table = Table(box=None, show_header=False)
    sources = result.pop("sources", [])
    problem, warning = result.pop("problem"), result.pop("index_warning")
    examples = result.get("foreign", {}).pop("examples", [])
    for number, one in enumerate(examples, 1):
        result[f"malformed {number}"] = f"{one['relation']} {one['element_id']}: {one['reason']}"
    jobs = result.pop("schedule")
    if not jobs:
        result["schedule"] = jobs
    rows = [
        *result.items(),
        *((f"job {name}", job) for name, job in jobs.items()),
        *((f"source {source.pop('name')}", source) for source in sources),
    ]
    for name, value in rows:
        if name == "counted_at" and problem is None:
            continue  # now
        table.add_row(f"[bold]{name}[/bold]", escape(_told(name, value)))
    console.print(table)
    if problem is not None and result["store"]["ok"]:  # else it is the error that follows
        console.print(f"[red]problem:[/red] {escape(problem)}", soft_wrap=True)
    if warning is not None:
        console.print(f"[yellow]warning:[/yellow] {escape(warning)}", soft_wrap=True)


def _told(name: str, value: Any) -> str:
    """A value for people: counts with commas, times in UTC, what is not there in words."""
    match value:
        case None | dict() if not value and name in NOTHING:
            return NOTHING[name]
        case None:
            return "not known"
        case bool():
            return "yes" if value else "no"
        case float() if name == "at" or name.endswith(("_at", "_run", "_start", "_since")):
            return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
        case int() if name != "pid":
            return f"{value:,}"
        case dict():
            return ", ".join(
                f"{key} {_told(key, inner)}"
                for key, inner in value.items()
                if inner not in (None, "") and not isinstance(inner, dict)
            )
    return str(value)
