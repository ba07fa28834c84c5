"""Reads: why two items are alike, what is known of a user."""

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from gnn.objective import Objective
from service.api.deps import deps_of
from service.api.documented import problems
from service.api.id_path import ItemId, UserId, checked_id
from service.api.problems import Problem
from service.api.queries import ID_SCHEMA, ExplainByIdQuery, ObjectiveQuery, UserQuery
from service.api.schemas import ExplanationShape, ProfileShape

router = APIRouter(tags=["explanations"])

OtherId = Annotated[
    str,
    Path(description="The neighbour's id, as `item_id`.", examples=["B0C2"], json_schema_extra=ID_SCHEMA),
]


@router.get(
    "/v1/items/{item_id:id}/explain/{other:id}",
    summary="Why one item is like another",
    response_model=ExplanationShape,
    responses=problems(404, 422, 503),
)
async def explain(
    request: Request, item_id: ItemId, other: OtherId, query: Annotated[ObjectiveQuery, Query()]
) -> JSONResponse:
    """The score's parts, which add up to it, and what both share in the shop.

    People appear as counts only; what fewer than `min_users` of them did is not told. Ids with `/explain/` in
    them need `GET /v1/explain?item_id=&other=`.
    """
    return await _explained(request, item_id, other, query.objective)


@router.get(
    "/v1/explain",
    summary="Why one item is like another, ids in the query",
    response_model=ExplanationShape,
    responses=problems(404, 422, 503),
)
async def explain_by_id(request: Request, query: Annotated[ExplainByIdQuery, Query()]) -> JSONResponse:
    """As `GET /v1/items/{item_id}/explain/{other}`, for any ids."""
    return await _explained(request, query.item_id, query.other, query.objective)


@router.get(
    "/v1/users/{user_id:id}/profile",
    summary="What is known of a user, readable",
    response_model=ProfileShape,
    responses=problems(404, 422, 503),
)
async def profile(request: Request, user_id: UserId) -> JSONResponse:
    """Top categories and brands, prices, newest items, and how much of it the served release knows."""
    return await _profile(request, user_id)


@router.get(
    "/v1/profile",
    summary="What is known of a user, the id in the query",
    response_model=ProfileShape,
    responses=problems(404, 422, 503),
)
async def profile_by_id(request: Request, query: Annotated[UserQuery, Query()]) -> JSONResponse:
    """As `GET /v1/users/{user_id}/profile`, for any id."""
    return await _profile(request, query.user_id)


async def _explained(request: Request, item_id: str, other: str, objective: Objective) -> JSONResponse:
    checked_id(request, item_id, "item_id")
    checked_id(request, other, "other")
    if item_id == other:
        raise Problem(404, "no-explanation", "an item is compared with another one, not with itself")
    found = await run_in_threadpool(deps_of(request).explainer.explain, item_id, other, objective)
    return JSONResponse(found.to_json())


async def _profile(request: Request, user_id: str) -> JSONResponse:
    checked_id(request, user_id, "user_id")
    return JSONResponse(await run_in_threadpool(deps_of(request).profiles.of, user_id))
