"""Aliases of the routes of Gorse that shops call most: a Gorse client needs another address, no more.

Shapes as in Gorse 0.4 (`/api/item`, `/api/feedback`, `/api/user`, `/api/recommend`, `neighbors`).
"""

from datetime import UTC, datetime
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool
from starlette.concurrency import run_in_threadpool

from graph.event_type import EventType
from graph.item import Item
from service.answering.answer import MAX_K
from service.api.deps import ApiDeps, deps_of, in_write_thread
from service.api.documented import problems
from service.api.event_routes import log_rows, refuse_when_far_behind
from service.api.id_path import ITEM_PARTS, ItemId, UserId, checked_id, written_id
from service.api.item_bodies import CategoryPath
from service.api.problems import Problem
from service.api.queries import Id

router = APIRouter(tags=["gorse"], prefix="/api")

FEEDBACK_TYPES = {
    "read": EventType.VIEW_ITEM,
    "view": EventType.VIEW_ITEM,
    "click": EventType.SELECT_ITEM,
    "like": EventType.ADD_TO_WISHLIST,
    "star": EventType.ADD_TO_WISHLIST,
    "favorite": EventType.ADD_TO_WISHLIST,
    "cart": EventType.ADD_TO_CART,
    "buy": EventType.PURCHASE,
    "order": EventType.PURCHASE,
}
"""Gorse lets each shop name its feedback; these are the usual names. GA4's names are taken as they are."""
_WRITE = (400, 408, 413, 422, 503)


def _known_type(value: str) -> str:
    kind = FEEDBACK_TYPES.get(value.lower(), value)
    if kind not in set(EventType):
        raise ValueError(f"one of {', '.join((*FEEDBACK_TYPES, *EventType))}")
    return kind


class _GorseModel(BaseModel):
    """Names as Gorse writes them; what we have no place for is ignored, as Gorse's clients send it always."""

    model_config = ConfigDict(extra="ignore")


class GorseItem(_GorseModel):
    """An item of Gorse."""

    ItemId: Id
    IsHidden: StrictBool = False
    Categories: list[CategoryPath] | None = Field(None, max_length=100)
    Timestamp: str | None = None
    Labels: Any = None
    Comment: str = Field("", max_length=20_000, description="Becomes the title.")

    def item(self) -> Item:
        """The item; a hidden one is out of stock."""
        labels = (
            self.Labels if isinstance(self.Labels, dict) else {"labels": self.Labels} if self.Labels else {}
        )
        return Item(
            self.ItemId,
            title=self.Comment,
            categories=tuple(self.Categories or ()),
            availability="out_of_stock" if self.IsHidden else "in_stock",
            attributes=labels,
        )


class GorseFeedback(_GorseModel):
    """Feedback of Gorse."""

    FeedbackType: Annotated[str, AfterValidator(_known_type)] = Field(
        json_schema_extra={"enum": [*FEEDBACK_TYPES, *EventType]}
    )
    UserId: Id
    ItemId: Id
    Timestamp: str | None = Field(None, max_length=100)

    def row(self) -> dict[str, Any]:
        """As a row of `POST /v1/events`."""
        row = {"user_id": self.UserId, "item_id": self.ItemId, "event_type": self.FeedbackType}
        return row | ({"timestamp": self.Timestamp} if self.Timestamp else {})


class GorseUser(_GorseModel):
    """A user of Gorse."""

    UserId: Id
    Labels: Any = None
    Comment: str = Field("", max_length=20_000)


class GorseSuccess(BaseModel):
    """How many rows were written."""

    RowAffected: int


class GorseFeedbackSuccess(GorseSuccess):
    """How many rows of feedback were new, and what became of the others."""

    Rejected: list[str] = Field(
        [], description="Why rows were not taken, one line for each; left out where all were."
    )


class GorseScore(BaseModel):
    """An item with its score."""

    Id: str
    Score: float


class NumberQuery(BaseModel):
    """How many."""

    model_config = ConfigDict(extra="ignore")

    n: int = Field(10, ge=1, le=MAX_K)
    offset: int = Field(0, ge=0, le=MAX_K)


@router.get(
    "/item/{item_id:id}/neighbors",
    summary="Gorse: items like an item",
    response_model=list[GorseScore],
    responses=problems(404, 422, 503),
)
async def neighbors(
    request: Request, item_id: ItemId, query: Annotated[NumberQuery, Query()]
) -> JSONResponse:
    """As `GET /v1/items/{item_id}/similar`; freshness stands in headers."""
    checked_id(request, item_id, "item_id")
    return await _scored(request, partial(deps_of(request).answers.similar, item_id), query)


@router.get(
    "/recommend/{user_id:id}",
    summary="Gorse: items for a user",
    response_model=list[str],
    responses=problems(404, 422, 503),
)
async def recommend(
    request: Request, user_id: UserId, query: Annotated[NumberQuery, Query()]
) -> JSONResponse:
    """As `GET /v1/users/{user_id}/recommendations`: ids only."""
    checked_id(request, user_id, "user_id")
    k = min(MAX_K, query.n + query.offset)
    answer = await run_in_threadpool(deps_of(request).answers.recommend, user_id, k)
    ids = [item.item_id for item in answer.results[query.offset : query.offset + query.n]]
    return JSONResponse(ids, headers=_freshness(answer))


@router.post(
    "/feedback",
    summary="Gorse: log feedback",
    response_model=GorseFeedbackSuccess,
    responses=problems(*_WRITE),
)
@router.put(
    "/feedback",
    summary="Gorse: log feedback, as POST",
    response_model=GorseFeedbackSuccess,
    responses=problems(*_WRITE),
)
async def feedback(request: Request, body: list[GorseFeedback]) -> JSONResponse:
    """As `POST /v1/events`: durable before the answer; each row is judged by itself."""
    deps = deps_of(request)
    if len(body) > deps.limits.events:
        raise Problem(413, "too-many-events", f"at most {deps.limits.events} rows in one request")
    await run_in_threadpool(refuse_when_far_behind, deps)
    if not body:
        return JSONResponse({"RowAffected": 0})
    answer = await log_rows(deps, [one.row() for one in body])
    written = sum(row["status"] == "accepted" for row in answer["results"])
    wrong = [
        f"row {place}: {row['detail']}"
        for place, row in enumerate(answer["results"])
        if row["status"] == "rejected"
    ]
    return JSONResponse({"RowAffected": written, **({"Rejected": wrong} if wrong else {})})


@router.post("/item", summary="Gorse: an item", response_model=GorseSuccess, responses=problems(*_WRITE))
async def insert_item(request: Request, body: GorseItem) -> JSONResponse:
    """As `PUT /v1/items/{item_id}`."""
    return await _put(deps_of(request), [body])


@router.post("/items", summary="Gorse: items", response_model=GorseSuccess, responses=problems(*_WRITE))
async def insert_items(request: Request, body: list[GorseItem]) -> JSONResponse:
    """As `POST /v1/items:batch`."""
    return await _put(deps_of(request), body)


@router.get(
    "/item/{item_id:id}",
    summary="Gorse: an item",
    response_model=GorseItem,
    responses=problems(404, 422, 503),
)
async def get_item(request: Request, item_id: ItemId) -> JSONResponse:
    """As `GET /v1/items/{item_id}`, in Gorse's shape."""
    checked_id(request, item_id, "item_id")
    item = await run_in_threadpool(deps_of(request).catalogue.get, item_id)
    shown = {
        "ItemId": item.item_id,
        "IsHidden": item.availability == "out_of_stock",
        "Categories": list(item.categories),
        "Timestamp": datetime.now(UTC).isoformat(timespec="seconds"),
        "Labels": dict(item.attributes),
        "Comment": item.title,
    }
    return JSONResponse(shown)


@router.delete(
    "/item/{item_id:id}",
    summary="Gorse: delete an item",
    response_model=GorseSuccess,
    responses=problems(404, 422, 503),
)
async def delete_item(request: Request, item_id: ItemId) -> JSONResponse:
    """As `DELETE /v1/items/{item_id}`."""
    written_id(request, item_id, "item_id", ITEM_PARTS)
    deps = deps_of(request)
    await in_write_thread(deps, deps.catalogue.delete, item_id)
    return JSONResponse({"RowAffected": 1})


@router.post(
    "/user", summary="Gorse: a user", response_model=GorseSuccess, responses=problems(400, 408, 413, 422)
)
async def insert_user(request: Request, body: GorseUser) -> JSONResponse:
    """Accepted and not kept: a user is what they turned to, labels are not learned from."""
    return JSONResponse({"RowAffected": 0})


@router.delete(
    "/user/{user_id:id}",
    summary="Gorse: erase a user",
    response_model=GorseSuccess,
    responses=problems(404, 422, 503),
)
async def delete_user(request: Request, user_id: UserId) -> JSONResponse:
    """As `DELETE /v1/users/{user_id}`, without its receipt."""
    checked_id(request, user_id, "user_id")
    deps = deps_of(request)
    await in_write_thread(deps, deps.users.erase, user_id)
    return JSONResponse({"RowAffected": 1})


async def _put(deps: ApiDeps, rows: list[GorseItem]) -> JSONResponse:
    if len(rows) > deps.limits.items:
        raise Problem(413, "too-many-items", f"at most {deps.limits.items} items in one request")
    items = [row.item() for row in rows]
    if items:
        await in_write_thread(deps, deps.catalogue.put, items)
    return JSONResponse({"RowAffected": len(items)})


async def _scored(request: Request, ask: Any, query: NumberQuery) -> JSONResponse:
    answer = await run_in_threadpool(ask, min(MAX_K, query.n + query.offset))
    deps_of(request).metrics.count_answer(answer)
    rows = answer.results[query.offset : query.offset + query.n]
    shown = [{"Id": item.item_id, "Score": item.score} for item in rows]
    return JSONResponse(shown, headers=_freshness(answer))


def _freshness(answer: Any) -> dict[str, str]:
    return {"X-Model-Version": answer.model_version, "X-Events-Through": str(answer.events_through)}
