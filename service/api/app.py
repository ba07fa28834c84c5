"""The HTTP application: routes, middleware, errors, OpenAPI."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import PackageNotFoundError, version

from fastapi import FastAPI, Security
from fastapi.security import APIKeyHeader
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware

from service.api import (
    answer_routes,
    event_routes,
    explain_routes,
    gorse_routes,
    item_routes,
    operation_routes,
    page_routes,
    report_routes,
    rule_routes,
    user_routes,
    what_if_routes,
)
from service.api.body_limit import BodyLimit
from service.api.deps import ApiDeps
from service.api.keys import KEY_HEADER, KeyGuard
from service.api.openapi import openapi_of
from service.api.problems import install_problem_handlers
from service.api.request_record import REQUEST_ID_HEADER, RequestRecord
from service.api.worker_gauges import worker_gauges

_ROUTES = (
    answer_routes,
    what_if_routes,
    explain_routes,
    event_routes,
    gorse_routes,
    user_routes,
    item_routes,
    operation_routes,
    rule_routes,
    report_routes,
)
"""Modules whose routes need a key, in the order in which paths are tried."""
_KEY = Security(
    APIKeyHeader(name=KEY_HEADER, auto_error=False, description="Needed where keys are configured.")
)


def create_app(deps: ApiDeps) -> FastAPI:
    """Make the application. It opens the current release when it starts, follows later ones while it runs,
    and closes `deps` when it ends."""
    app = FastAPI(
        title="Ilk",
        description="Similar items for shops. Every answer with items says how fresh it is.",
        version=_version(),
        docs_url=None,  # both pages would load scripts from another host
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan,
        middleware=[
            Middleware(RequestRecord, metrics=deps.metrics),
            *_cors(deps),
            Middleware(KeyGuard, keys=deps.keys),
            Middleware(BodyLimit, max_bytes=deps.limits.body_bytes, seconds=deps.limits.body_seconds),
        ],
    )
    app.state.deps = deps
    for routes in _ROUTES:
        app.include_router(routes.router, dependencies=[_KEY])
    app.include_router(page_routes.router)
    known = [route for routes in (*_ROUTES, page_routes) for route in routes.router.routes]
    install_problem_handlers(app, known)
    app.openapi = lambda: openapi_of(app, deps)  # type: ignore[method-assign]
    return app


def _cors(deps: ApiDeps) -> list[Middleware]:
    """Before the keys: a browser asks first without one whether it may ask with one."""
    if not deps.cors_origins:
        return []
    return [
        Middleware(
            CORSMiddleware,
            allow_origins=list(deps.cors_origins),
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=[KEY_HEADER, "Content-Type", REQUEST_ID_HEADER],
            expose_headers=[REQUEST_ID_HEADER, "Server-Timing", "Retry-After"],
        )
    ]


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    deps: ApiDeps = app.state.deps
    await run_in_threadpool(deps.holder.start)
    deps.started()
    try:
        async with worker_gauges(deps):
            yield
    finally:
        await run_in_threadpool(deps.holder.stop)
        await run_in_threadpool(deps.close)


def _version() -> str:
    try:
        return version("ilk")
    except PackageNotFoundError:
        return "0"
