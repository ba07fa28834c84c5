"""`ilk key`."""

from service.api.keys import new_key
from service.cli.context import CliContext


def run_key(context: CliContext, name: str, scopes: list[str], json_file: str | None) -> None:
    """Show a new key once, and what the settings keep of it."""
    key, digest = new_key()
    context.write_json({"key": key, "name": name, "scopes": scopes, "sha256": digest}, json_file)
    if json_file == "-":
        return
    console = context.console(json_file)
    console.print(f"  {key}", markup=False, soft_wrap=True)
    console.print(
        "  is shown this once; callers send it as X-API-Key. For ilk.toml (then restart `ilk serve`):"
    )
    listed = ", ".join(f'"{scope}"' for scope in scopes)
    lines = ("[[serve.keys]]", f'name = "{name}"', f'sha256 = "{digest}"', f"scopes = [{listed}]")
    console.print("\n".join(lines), markup=False, soft_wrap=True)
