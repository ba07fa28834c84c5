"""`ilk inspect`: the kit for looking at the graph in Neo4j Browser."""

import os
from pathlib import Path

from rich.markup import escape

from graph.neo4j_browser import install_kit, kit_server
from service.cli.context import CliContext
from service.errors import CallerMistake

BROWSER_VARIABLE = "ILK_NEO4J_HTTP"
"""What `make neo4j` writes into `.neo4j/env`: where Browser is."""


def run_install(context: CliContext, folder: Path) -> None:
    """Write guide, style and queries into a folder."""
    try:
        paths = install_kit(folder)
    except OSError as error:
        raise CallerMistake(f"{folder}: {error.strerror}") from None
    context.console(None).print(
        f"  {len(paths)} files in {folder}: drag style.grass and the queries onto Neo4j Browser"
    )


def run_open(context: CliContext, port: int) -> None:
    """Serve guide and style for Browser until Ctrl-C."""
    try:
        server = kit_server(port)
    except OSError as error:
        raise CallerMistake(f"--port {port}: {error.strerror}; choose another (0: any free)") from None
    address = f"http://127.0.0.1:{server.server_address[1]}"
    console = context.console(None)
    browser = os.environ.get(BROWSER_VARIABLE)
    if browser:
        console.print(
            f"  Neo4j Browser: {escape(browser)}/browser/ (user {escape(context.settings.graph.user)})"
        )
    console.print("  type into Neo4j Browser's editor (Ctrl-C here ends it):")
    console.print(f"    :play {address}/guide.html")
    console.print(f"    :style {address}/style.grass")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        console.print("  ended")
    finally:
        server.server_close()
