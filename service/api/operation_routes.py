"""Health, metrics, status, releases."""

from dataclasses import asdict
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.concurrency import run_in_threadpool

from service.api.deps import ApiDeps, deps_of
from service.api.documented import problems
from service.api.schemas import HealthShape, ReleasesShape, StatusShape
from service.api.worker_gauges import show_worker, waited_seconds
from service.releases.approval import waiting
from service.releases.errors import NoRelease
from service.releases.holder import Serving

router = APIRouter(tags=["operation"])


@router.get("/health/live", summary="Does the process run?", response_model=HealthShape)
async def live() -> JSONResponse:
    """200 as long as the process answers. Needs no key."""
    return JSONResponse({"status": "live"})


@router.get(
    "/health/ready",
    summary="Can it answer?",
    response_model=HealthShape,
    responses={503: problems(503)[503]},
)
async def ready(request: Request) -> JSONResponse:
    """200 once a release is served, 503 before. Needs no key.

    `updater`: whether answers follow events at present; answers go on without it, only older.
    """
    deps = deps_of(request)
    serving = deps.holder.serving()
    updater = await run_in_threadpool(deps.updater)
    return JSONResponse(
        {
            "status": "ready",
            "model_version": serving.release.version,
            "release_fallback": serving.fallback_reason,
            "updater": None if updater is None else "running" if updater.running else "down",
        }
    )


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}, **problems()},
)
async def metrics(request: Request) -> Response:
    """Text format; of all workers together."""
    deps = deps_of(request)
    await run_in_threadpool(show_worker, deps)
    deps.metrics.home.show_updater(await run_in_threadpool(deps.updater))
    deps.metrics.home.show_unfolded(len(await run_in_threadpool(deps.unfolded)))
    deps.metrics.home.show_disk(await run_in_threadpool(deps.free_bytes))
    deps.metrics.home.show_gate(await run_in_threadpool(deps.gate))
    deps.metrics.home.show_schedule(await run_in_threadpool(deps.schedule))
    deps.metrics.home.show_sources(await run_in_threadpool(deps.sources))
    body = await run_in_threadpool(deps.metrics.render)
    return Response(body, media_type=CONTENT_TYPE_PLAIN_0_0_4)


@router.get(
    "/v1/status", summary="Where the shop stands", response_model=StatusShape, responses=problems(503)
)
async def status(request: Request) -> JSONResponse:
    """Counts, sequence numbers, lag, release, store. Answers also while the store is out of reach, with the
    counts it last told (`counted_at`) and a `problem`.

    What is accepted (`sequence`) comes into the graph (`applied_sequence`) and from there into the answers
    (`visible_sequence`). `updater` is what the updater told last, but `lag_seconds`, for how long the oldest
    event that does not count has waited, is the worker's that answers: it grows also while the updater stands
    still or is dead.
    """
    deps = deps_of(request)
    standing = await run_in_threadpool(deps.status)
    if standing["updater"] is not None:
        waited = await run_in_threadpool(waited_seconds, deps)
        standing = {**standing, "updater": {**standing["updater"], "lag_seconds": waited}}
    serving = _serving(deps)
    visible = serving.events_through if serving else 0
    return JSONResponse({**standing, "visible_sequence": visible, "serving": _shown(serving)})


@router.get("/v1/releases", summary="Releases on disk", response_model=ReleasesShape, responses=problems())
async def releases(request: Request) -> JSONResponse:
    """All releases, newest first: which serves, which were let through, what was measured."""
    deps = deps_of(request)
    found = await run_in_threadpool(deps.releases.list)
    taken_out = await run_in_threadpool(deps.unfolded)
    return JSONResponse(
        {
            "releases": [asdict(summary) for summary in found],
            "waiting": waiting(found),
            "unfolded": [asdict(one) for one in taken_out],
        }
    )


def _serving(deps: ApiDeps) -> Serving | None:
    try:
        return deps.holder.serving()
    except NoRelease:
        return None


def _shown(serving: Serving | None) -> dict[str, Any] | None:
    if serving is None:
        return None
    return {
        "version": serving.release.version,
        "since": serving.since,
        "items": serving.release.items.alive_count,
        "events_through": serving.events_through,
        "release_fallback": serving.fallback_reason,
    }
