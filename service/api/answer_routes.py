"""Reads: similar items, recommendations."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from service.answering.answer import Answer, UnknownItem, answer_of
from service.answering.shaping import Shaping
from service.answering.shop_lookup import LiveItem
from service.api.deps import deps_of
from service.api.documented import problems
from service.api.freshness import wait_for_sequence
from service.api.id_path import ItemId, UserId, checked_id
from service.api.problems import problem_of
from service.api.queries import (
    ForItemsBody,
    ReadQuery,
    RecommendationsByIdQuery,
    SearchQuery,
    SimilarBatchBody,
    SimilarByIdQuery,
    SimilarByTextBody,
    SimilarQuery,
)
from service.api.schemas import RecommendationsShape, SearchShape, SimilarBatchShape, SimilarShape
from service.errors import CallerMistake

router = APIRouter(tags=["answers"])


@router.get(
    "/v1/items/{item_id:id}/similar",
    summary="Items like an item",
    response_model=SimilarShape,
    responses=problems(404, 409, 422, 503),
)
async def similar(request: Request, item_id: ItemId, query: Annotated[SimilarQuery, Query()]) -> JSONResponse:
    """The `k` items most like an item, best first.

    An item that is newer than the served release is answered by its text (`source` "text").
    Ids such as `.` and `..`, which clients take out of paths, need `GET /v1/similar?item_id=`.
    """
    return await _similar(request, item_id, query)


@router.get(
    "/v1/similar",
    summary="Items like an item, its id in the query",
    response_model=SimilarShape,
    responses=problems(404, 409, 422, 503),
)
async def similar_by_id(request: Request, query: Annotated[SimilarByIdQuery, Query()]) -> JSONResponse:
    """As `GET /v1/items/{item_id}/similar`, for any id."""
    return await _similar(request, query.item_id, query)


@router.get(
    "/v1/users/{user_id:id}/recommendations",
    summary="Items for a user",
    response_model=RecommendationsShape,
    responses=problems(404, 409, 422, 503),
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
    responses=problems(404, 409, 422, 503),
)
async def recommendations_by_id(
    request: Request, query: Annotated[RecommendationsByIdQuery, Query()]
) -> JSONResponse:
    """As `GET /v1/users/{user_id}/recommendations`, for any id."""
    return await _recommendations(request, query.user_id, query)


@router.post(
    "/v1/similar:batch",
    summary="Items like each of many items",
    response_model=SimilarBatchShape,
    responses=problems(400, 408, 409, 413, 422, 503),
)
async def similar_batch(request: Request, body: SimilarBatchBody) -> JSONResponse:
    """As `GET /v1/items/{item_id}/similar` for each; an unknown item is no error of the whole."""
    answers = deps_of(request).answers
    rows: list[dict[str, Any]] = []
    shaping = shaping_of(request, body, body.explain)
    for item_id in body.item_ids:  # one after the other: a batch must not keep other callers waiting
        ask = partial(answers.similar, item_id, body.k, body.objective, body.wanted(), body.user_id, shaping)
        try:
            rows.append(shown(body, await _answered(request, body, ask), item_id=item_id))
        except UnknownItem as error:
            problem = problem_of(error).document(request.scope)
            rows.append({"item_id": item_id, "problem": problem})
    return JSONResponse({"answers": rows, **_freshness(request, rows)})


@router.post(
    "/v1/similar:by-text",
    summary="Items like a text",
    response_model=SearchShape,
    responses=problems(400, 408, 409, 413, 422, 503),
)
async def similar_by_text(request: Request, body: SimilarByTextBody) -> JSONResponse:
    """For a product that is no item (yet): the items with the nearest texts. Nothing of it is kept."""
    answers, shaping = deps_of(request).answers, shaping_of(request, body)

    def ask() -> Answer:
        text = body.text or ""
        if body.item is not None:
            card = body.item.model_dump()
            text = LiveItem(card, card.pop("description")).text
        return answers.similar_to_text(text, body.k, body.wanted(), body.user_id, shaping)

    return JSONResponse(shown(body, await _answered(request, body, ask)))


@router.get(
    "/v1/search",
    summary="Search items by words",
    response_model=SearchShape,
    responses=problems(409, 422, 503),
)
async def search(request: Request, query: Annotated[SearchQuery, Query()]) -> JSONResponse:
    """The items whose texts are nearest to the words in meaning, by the text model; best first.

    An item is found as soon as the updater has encoded its text.
    """
    answers = deps_of(request).answers
    shaping = shaping_of(request, query)
    ask = partial(answers.similar_to_text, query.q, query.k, query.wanted(), query.user_id, shaping)
    return JSONResponse(shown(query, await _answered(request, query, ask)))


@router.get(
    "/v1/trending",
    summary="What rises",
    response_model=SearchShape,
    responses=problems(409, 422, 503),
)
async def trending(request: Request, query: Annotated[ReadQuery, Query()]) -> JSONResponse:
    """The items whose demand has risen most against their own past; with `category` within it.

    The score is the logarithm of the recent rate of events over the season's: 0: as before.
    """
    ask = partial(deps_of(request).answers.rising, query.k, query.wanted(), shaping_of(request, query))
    return JSONResponse(shown(query, await _answered(request, query, ask)))


@router.post(
    "/v1/recommendations:for-items",
    summary="Items for a basket or a visit",
    response_model=SearchShape,
    responses=problems(400, 408, 409, 413, 422, 503),
)
async def recommendations_for_items(request: Request, body: ForItemsBody) -> JSONResponse:
    """What suits somebody who turned to these items, oldest first; the items themselves are left out.

    Items that the release does not know count for nothing; where it knows none, what trends is the answer,
    labelled `no_history`.
    """
    answers = deps_of(request).answers
    newest_first = list(reversed(body.item_ids))
    shaping = shaping_of(request, body)
    ask = partial(answers.recommend_for, newest_first, body.k, body.wanted(), body.user_id, shaping)
    return JSONResponse(shown(body, await _answered(request, body, ask)))


async def _similar(request: Request, item_id: str, query: SimilarQuery) -> JSONResponse:
    checked_id(request, item_id, "item_id")
    answers = deps_of(request).answers
    shaping = shaping_of(request, query, query.explain)
    ask = partial(answers.similar, item_id, query.k, query.objective, query.wanted(), query.user_id, shaping)
    return JSONResponse(shown(query, await _answered(request, query, ask), item_id=item_id))


async def _recommendations(request: Request, user_id: str, query: ReadQuery) -> JSONResponse:
    checked_id(request, user_id, "user_id")
    answers = deps_of(request).answers
    shaping = shaping_of(request, query)
    ask = partial(answers.recommend, user_id, query.k, query.wanted(), shaping)
    return JSONResponse(shown(query, await _answered(request, query, ask), user_id=user_id))


async def _answered(request: Request, query: ReadQuery, ask: Callable[[], Answer]) -> Answer:
    """Ask off the event loop: a search computes for milliseconds, and other requests go on meanwhile."""
    deps = deps_of(request)
    if query.min_sequence:
        await wait_for_sequence(deps, query.min_sequence, query.timeout_ms)
    answer = await run_in_threadpool(ask)
    deps.metrics.count_answer(answer)
    request.scope["state"]["log"] = {
        "results": len(answer.results),
        "model_version": answer.model_version,
        "fallback": answer.fallback,
        "release_fallback": answer.release_fallback is not None,
        "store_fallback": answer.store_fallback is not None,
    }
    return answer


def shaping_of(request: Request, query: ReadQuery, explain: bool = False) -> Shaping:
    """How the list is to be made. Raises `CallerMistake` for a boost that the settings do not have."""
    known = deps_of(request).boosts
    unknown = [name for name in query.boost if name not in known]
    if unknown:
        names = ", ".join(sorted(known)) or "there are none"
        raise CallerMistake(f"boost: {unknown[0]!r} is not among answers.boosts ({names})")
    return Shaping(query.diversity, tuple(known[name] for name in query.boost), explain)


def shown(query: ReadQuery, answer: Answer, **asked: str) -> dict[str, Any]:
    """The answer with the fields that were asked for."""
    body = answer.to_json(**asked)
    if query.fields:
        kept = {"item_id", "score", "source", "why", "rule", *query.fields}
        body["results"] = [
            {name: value for name, value in row.items() if name in kept} for row in body["results"]
        ]
    return body


def _freshness(request: Request, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Of a batch: what its last answer says, or, where it has none, what serves now."""
    answered = [row for row in rows if "results" in row]
    shown = answered[-1] if answered else answer_of(deps_of(request).holder.serving(), []).to_json()
    names = ("model_version", "index_version", "events_through", "release_fallback", "store_fallback")
    return {"fallback": None, **{name: shown[name] for name in names}}
