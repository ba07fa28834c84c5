"""The inspection kit for Neo4j Browser: queries, a guide that shows them, a style; served on loopback."""

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path

_KIT = files("graph").joinpath("browser")
_PARAMETER = re.compile(r"\$(\w+)")


@dataclass(frozen=True)
class BrowserQuery:
    """One query of the kit."""

    name: str
    """File name without its ending, e.g. `03_why_similar`."""
    text: str
    """The whole file: its head explains the query in comments."""

    @property
    def explanation(self) -> str:
        """The comments at its head, as one text."""
        lines = [line.removeprefix("//").strip() for line in self.text.splitlines() if line.startswith("//")]
        return " ".join(lines)

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the parameters that it wants, in order of appearance."""
        body = "\n".join(line for line in self.text.splitlines() if not line.startswith("//"))
        return tuple(dict.fromkeys(_PARAMETER.findall(body)))


def browser_queries() -> list[BrowserQuery]:
    """All queries of the kit, by name."""
    folder = _KIT.joinpath("queries")
    entries = sorted(folder.iterdir(), key=lambda entry: entry.name)
    return [BrowserQuery(one.name.removesuffix(".cypher"), one.read_text("utf-8")) for one in entries]


def browser_guide(style: str | None = None) -> str:
    """The guide as Browser's `:guide URL` takes it, with the queries filled in.

    style: address of `style.grass`, for a click; None: the reader drops the file onto Browser's page.
    """
    text = _KIT.joinpath("guide.html").read_text("utf-8").replace("{{style}}", _how_to_style(style))
    for query in browser_queries():
        text = text.replace("{{" + query.name + "}}", html.escape(query.text, quote=False))
    return text


def _how_to_style(address: str | None) -> str:
    if address is None:
        return "Drop the file <code>style.grass</code> onto this page."
    command = html.escape(f":style {address}", quote=False)
    return f'</p><figure><pre class="pre-scrollable code runnable">{command}</pre></figure><p>'


def browser_style() -> str:
    """The style sheet, to be dragged onto Browser's page or given to `:style URL`."""
    return _KIT.joinpath("style.grass").read_text("utf-8")


def install_kit(folder: Path) -> list[Path]:
    """Write the kit into a folder: guide, style and one file per query, for Browser's import of files."""
    made = {"guide.html": browser_guide(), "style.grass": browser_style()}
    made |= {f"{query.name}.cypher": query.text for query in browser_queries()}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in made.items():
        (folder / name).write_text(text, "utf-8")
    return [folder / name for name in made]


def kit_server(port: int = 0) -> ThreadingHTTPServer:
    """A server of `guide.html` and `style.grass` on loopback, not yet running; 0: any free port.

    Browser fetches both from its own page, hence the header that lets other origins read.
    """
    return ThreadingHTTPServer(("127.0.0.1", port), _KitHandler)


class _KitHandler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        """Answer with one of the two files."""
        pages: dict[str, tuple[str, Callable[[], str]]] = {
            "/guide.html": ("text/html", lambda: browser_guide(f"{self._address}/style.grass")),
            "/style.grass": ("text/plain", browser_style),
        }
        kind, read = pages.get(self.path.partition("?")[0], ("", str))
        body = read().encode()
        self.send_response(200 if kind else 404)
        self._send_permission()
        self.send_header("Content-Type", f"{kind or 'text/plain'}; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    @property
    def _address(self) -> str:
        host, port = self.connection.getsockname()
        return f"http://{host}:{port}"

    def do_OPTIONS(self) -> None:
        """Browser asks first whether it may ask for a guide, because it sends headers of its own."""
        self.send_response(204)
        self._send_permission()
        self.end_headers()

    def _send_permission(self) -> None:
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Allow-Headers", "*")
        self.send_header("Access-Control-Allow-Private-Network", "true")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the standard library's name
        """Say nothing: the caller's terminal is not a log."""
