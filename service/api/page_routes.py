"""The page for people, and the web component for shops."""

from functools import cache
from hashlib import sha256
from importlib.resources import files

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from service.api.problems import Problem

router = APIRouter(include_in_schema=False)

CONTENT_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""Nothing inline, nothing from another host: a title that carries a script stays a title."""
_HEADERS = {
    "Content-Security-Policy": CONTENT_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}


@router.get("/", response_class=HTMLResponse)
async def page(request: Request) -> HTMLResponse:
    """Search, neighbours, why, live events, rules, releases."""
    return HTMLResponse(_page(), headers={**_HEADERS, "Cache-Control": "no-cache"})


@router.get("/static/{name}")
async def static_file(name: str) -> Response:
    """A file of the page, or the web component `ilk-similar.js`."""
    found = _static().get(name)
    if found is None:
        raise Problem(404, "not-found", "no such file")
    kind = _TYPES[name[name.rindex(".") :]]
    headers = {"Cache-Control": "max-age=300", "X-Content-Type-Options": "nosniff"}
    return Response(found, media_type=kind, headers=headers)


@cache
def _static() -> dict[str, bytes]:
    """All files by name, read once: no name that a caller gives ever becomes a path."""
    folder = files("service").joinpath("static")
    return {one.name: one.read_bytes() for one in folder.iterdir() if one.name.endswith(tuple(_TYPES))}


@cache
def _page() -> str:
    environment = Environment(loader=PackageLoader("service"), autoescape=True, undefined=StrictUndefined)
    version = sha256(b"".join(one for _, one in sorted(_static().items()))).hexdigest()[:8]
    return environment.get_template("page.html").render(version=version)
