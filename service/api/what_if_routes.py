"""What would be, if: events folded in on the side."""

from typing import Any, Literal

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import AliasChoices, BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool

from gnn.objective import Objective
from graph.event_type import EventType
from graph.instant import now_microseconds
from service.api.deps import ApiDeps, deps_of
from service.api.documented import problems
from service.api.problems import Problem
from service.api.queries import Id
from service.api.schemas import WhatIfShape

router = APIRouter(tags=["answers"])


EdgeType = Literal[
    EventType.VIEW_ITEM,
    EventType.SELECT_ITEM,
    EventType.ADD_TO_CART,
    EventType.BEGIN_CHECKOUT,
    EventType.ADD_TO_WISHLIST,
    EventType.PURCHASE,
    EventType.REVIEW,
]
"""A refund makes no edge."""


class WhatIfEvent(BaseModel):
    """An event that did not happen; taken as of now."""

    model_config = ConfigDict(extra="ignore")

    user_id: Id = Field(validation_alias=AliasChoices("user_id", "session_id"))
    item_id: Id
    event_type: EdgeType = EventType.VIEW_ITEM


class WhatIfBody(BaseModel):
    """Events that did not happen, and the item whose neighbours are wanted."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "item_id": "B0C1",
                "events": [
                    {"user_id": "somebody", "item_id": "B0C1"},
                    {"user_id": "somebody", "item_id": "B0C2"},
                ],
            }
        },
    )

    item_id: Id
    events: list[WhatIfEvent] = Field(min_length=1, max_length=1000)
    k: int = Field(10, ge=1, le=100)
    objective: Objective = Objective.RELATED


@router.post(
    "/v1/what-if",
    summary="Neighbours as they would be",
    response_model=WhatIfShape,
    responses=problems(400, 404, 408, 413, 422, 503),
)
async def what_if(request: Request, body: WhatIfBody) -> JSONResponse:
    """An item's neighbours before and after some events, with the weights as they are.

    Nothing is kept: neither log nor graph nor answers learn of the events. Influence caps do not apply here.
    """
    deps = deps_of(request)
    return JSONResponse(await run_in_threadpool(_answered, deps, body))


def _answered(deps: ApiDeps, body: WhatIfBody) -> dict[str, Any]:
    if deps.what_if is None:
        raise Problem(503, "no-updater", "answers do not follow events here (setting update.policy)")
    now = now_microseconds()
    events = [event.model_dump(mode="json") | {"at": now} for event in body.events]
    both = deps.what_if.similar(body.item_id, events, body.k, body.objective)
    before, after = both.before.to_json(), both.after.to_json()
    freshness = {name: before[name] for name in both.before.freshness}
    return {
        "item_id": body.item_id,
        "before": before["results"],
        "after": after["results"],
        **freshness,
    }
