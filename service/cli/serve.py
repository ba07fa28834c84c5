"""`ilk serve`."""

from typing import Any

from service.cli.context import CliContext


def run_serve(context: CliContext, flags: dict[str, Any]) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    from service.serving import serve

    settings = context.settings_with(serve=flags)
    context.home.require()
    serve(settings, context.console(None))
