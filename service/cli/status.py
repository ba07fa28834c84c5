"""`ilk status`."""

from rich.markup import escape
from rich.table import Table

from service.cli.context import CliContext
from service.status import read_status


def run_status(context: CliContext, json_file: str | None) -> None:
    """Show counts, sequence numbers, release and store."""
    context.home.require()
    result = read_status(context.settings, context.home)
    context.write_json(result, json_file)
    if json_file == "-":
        return
    table = Table(box=None, show_header=False)
    sources = result.pop("sources", [])
    problem = result.pop("problem")
    examples = result.get("foreign", {}).pop("examples", [])
    for number, one in enumerate(examples, 1):
        result[f"malformed {number}"] = f"{one['relation']} {one['element_id']}: {one['reason']}"
    for name, value in [*result.items(), *((f"source {source.pop('name')}", source) for source in sources)]:
        if isinstance(value, dict):
            value = ", ".join(
                f"{key} {inner}"
                for key, inner in value.items()
                if inner not in (None, "") and not isinstance(inner, dict)
            )
        table.add_row(f"[bold]{name}[/bold]", escape(str(value)))
    console = context.console(json_file)
    console.print(table)
    if problem is not None:
        console.print(f"[red]problem:[/red] {escape(problem)}", soft_wrap=True)
