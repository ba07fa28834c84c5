"""The report of a release."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from service.api.deps import deps_of
from service.api.documented import problems
from service.api.problems import Problem
from service.home import Home
from service.releases.errors import ReleaseError, UnknownRelease
from service.reporting.page import report_page
from service.reporting.report import build_report

router = APIRouter(tags=["operation"])

_CONTENT: dict[str, Any] = {
    "text/html": {"schema": {"type": "string"}},
    "application/json": {"schema": {"type": "object"}},
}


@router.get(
    "/v1/releases/{version}/report",
    summary="What changed with a release, what it is worth, what it cost",
    response_class=Response,
    responses={200: {"content": _CONTENT}, **problems(404, 422)},
)
async def report(
    request: Request,
    version: Annotated[str, Path(description="As `/v1/releases` lists it.", examples=["r000007-3fa9c1"])],
    shape: Annotated[
        Literal["html", "json"], Query(alias="format", description="A page for people, or its figures.")
    ] = "html",
) -> Response:
    """A page that needs nothing else (no script, no other host), or the same as JSON. No user is named."""
    home = Home(deps_of(request).releases.root.parent)
    try:
        found = await run_in_threadpool(build_report, home, version)
    except UnknownRelease:
        raise Problem(404, "unknown-release", "no release of that name; GET /v1/releases lists all") from None
    except ReleaseError:
        raise Problem(404, "unreadable-release", "the release's manifest cannot be read") from None
    if shape == "json":
        return JSONResponse(found)
    return HTMLResponse(await run_in_threadpool(report_page, found))
