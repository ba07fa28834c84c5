"""Reads: similar items, recommendations."""

from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from service.api.deps import deps_of
from service.api.documented import problems
from service.api.freshness import wait_for_sequence
from service.api.id_path import checked_id, register_id_convertor
from service.api.schemas import (
    ReadQuery,
    RecommendationsByIdQuery,
    RecommendationsShape,
    SimilarByIdQuery,
    SimilarQuery,
    SimilarShape,
)
from service.similar_items import Answer

register_id_convertor()
router = APIRouter(tags=["answers"])

ItemId = Annotated[
    str,
    Path(description="1 to 512 bytes of UTF-8, percent-encoded; may hold slashes.", examples=["B0C1", "a/b"]),
]
UserId = Annotated[
    str, Path(description="1 to 512 bytes of UTF-8, percent-encoded; may hold slashes.", examples=["u42"])
]


@router.get(
    "/v1/items/{item_id:id}/similar",
    summary="Items like an item",
    response_model=SimilarShape,
    responses=problems(404, 422, 503),
)
async def similar(request: Request, item_id: ItemId, query: Annotated[SimilarQuery, Query()]) -> JSONResponse:
    """The `k` items most like an item, best first.

    Ids such as `.` and `..`, which clients take out of paths, need `GET /v1/similar?item_id=`.
    """
    return await _similar(request, item_id, query)


@router.get(
    "/v1/similar",
    summary="Items like an item, its id in the query",
    response_model=SimilarShape,
    responses=problems(404, 422, 503),
)
async def similar_by_id(request: Request, query: Annotated[SimilarByIdQuery, Query()]) -> JSONResponse:
    """As `GET /v1/items/{item_id}/similar`, for any id."""
    return await _similar(request, query.item_id, query)


@router.get(
    "/v1/users/{user_id:id}/recommendations",
    summary="Items for a user",
    response_model=RecommendationsShape,
    responses=problems(404, 422, 503),
)
async def recommendations(
    request: Request, user_id: UserId, query: Annotated[ReadQuery, Query()]
) -> JSONResponse:
    """`k` items for a user, best first; what the user has turned to already is left out."""
    return await _recommendations(request, user_id, query)


@router.get(
    "/v1/recommendations",
    summary="Items for a user, the id in the query",
    response_model=RecommendationsShape,
    responses=problems(404, 422, 503),
)
async def recommendations_by_id(
    request: Request, query: Annotated[RecommendationsByIdQuery, Query()]
) -> JSONResponse:
    """As `GET /v1/users/{user_id}/recommendations`, for any id."""
    return await _recommendations(request, query.user_id, query)


async def _similar(request: Request, item_id: str, query: SimilarQuery) -> JSONResponse:
    checked_id(request, item_id, "item_id")
    answers = deps_of(request).answers
    answer = await _answered(request, query, lambda: answers.similar(item_id, query.k, query.objective))
    return JSONResponse(answer.to_json(item_id=item_id))


async def _recommendations(request: Request, user_id: str, query: ReadQuery) -> JSONResponse:
    checked_id(request, user_id, "user_id")
    answers = deps_of(request).answers
    answer = await _answered(request, query, lambda: answers.recommend(user_id, query.k))
    return JSONResponse(answer.to_json(user_id=user_id))


async def _answered(request: Request, query: ReadQuery, ask: Callable[[], Answer]) -> Answer:
    """Ask off the event loop: a search computes for milliseconds, and other requests go on meanwhile."""
    deps = deps_of(request)
    if query.min_sequence:
        await wait_for_sequence(deps.holder, query.min_sequence, query.timeout_ms)
    answer = await run_in_threadpool(ask)
    deps.metrics.count_answer(answer)
    request.scope["state"]["log"] = {
        "results": len(answer.results),
        "model_version": answer.model_version,
        "fallback": answer.fallback,
        "release_fallback": answer.release_fallback is not None,
    }
    return answer
