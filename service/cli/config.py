"""`ilk config`."""

from rich.table import Table

from service.cli.context import CliContext
from service.settings import settings_with_origin


def run_config(context: CliContext, json_file: str | None) -> None:
    """Show every setting, its value and its origin."""
    rows = settings_with_origin(context.home_flag)
    result = {name: {"value": value, "origin": origin} for name, value, origin in rows}
    context.write_json(result, json_file)
    if json_file == "-":
        return
    table = Table("setting", "value", "from", box=None, header_style="bold")
    for name, value, origin in rows:
        table.add_row(name, str(value), origin if origin == "default" else f"[bold]{origin}[/bold]")
    context.console(json_file).print(table)
