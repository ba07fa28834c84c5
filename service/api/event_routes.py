"""Writes: events."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema
from starlette.concurrency import run_in_threadpool

from graph.event_type import EventType
from graph.log import AppendResult
from service.api.deps import ApiDeps, deps_of
from service.api.documented import problems
from service.api.event_rows import EventRows, read_event_rows
from service.api.problems import Problem
from service.api.schemas import EventsShape
from service.releases.errors import NoRelease

router = APIRouter(tags=["events"])

_ID = {"type": "string", "minLength": 1, "description": "1 to 512 bytes of UTF-8."}
_EVENT_SCHEMA: dict[str, Any] = {
    "type": "object",
    "title": "Event",
    "required": ["item_id"],
    "description": "Has a `user_id` or a `session_id`. Fields that are not listed are not kept. "
    "A row that breaks a rule is rejected by itself: whatever it is, the request as a whole is valid.",
    "properties": {
        "event_id": {**_ID, "description": "A retry with the same id changes nothing. Default: a hash."},
        "user_id": _ID,
        "session_id": {**_ID, "description": "Instead of `user_id`: an anonymous visit."},
        "item_id": _ID,
        "event_type": {"type": "string", "enum": list(EventType), "default": EventType.VIEW_ITEM},
        "timestamp": {
            "anyOf": [{"type": "number"}, {"type": "string"}],
            "description": "Unix seconds, ms or µs, told apart by size, or ISO 8601. Default: now.",
        },
        "rating": {"type": "number"},
        "review_text": {"type": "string", "maxLength": 20_000},
        "quantity": {"type": "number", "description": "Negative: so many are given back."},
        "value": {"type": "number", "description": "Money, in the shop's currency."},
        "helpful": {
            "type": "integer",
            "minimum": 0,
            "description": "People who found the review helpful. Of a repeated event the first count stays.",
        },
    },
}

EventRow = Annotated[Any, WithJsonSchema({"anyOf": [_EVENT_SCHEMA, {}]})]


class EventsBody(BaseModel):
    """Events to be logged; each row is accepted or rejected by itself."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "events": [
                    {
                        "event_id": "order-1001-1",
                        "user_id": "u42",
                        "item_id": "B0C1",
                        "event_type": "purchase",
                        "timestamp": 1_700_000_000,
                    }
                ]
            }
        },
    )

    events: list[EventRow] = Field(min_length=1)


@router.post(
    "/v1/events",
    summary="Log what shoppers did",
    response_model=EventsShape,
    response_model_exclude_none=True,
    responses=problems(400, 408, 413, 422, 429, 503),
)
async def post_events(request: Request, body: EventsBody) -> JSONResponse:
    """Log events durably before answering; rows with a known `event_id` are no-ops (`duplicate`).

    Accepted is not yet visible: graph and answers follow within a fraction of a second. `events_through` says
    up to where events count now; `min_sequence` of the reads waits for one. 429 while too many accepted
    events wait for that: none of the rows was taken, try again after `Retry-After` seconds.
    """
    deps = deps_of(request)
    await run_in_threadpool(refuse_when_far_behind, deps)
    if len(body.events) > deps.limits.events:
        raise Problem(413, "too-many-events", f"at most {deps.limits.events} events in one request")
    answer = await log_rows(deps, body.events)
    return JSONResponse(answer)


def refuse_when_far_behind(deps: ApiDeps) -> None:
    """Raise `Problem` 429 where accepted events pile up faster than they are taken into account."""
    updater = deps.updater()
    if updater is None:  # nobody follows: events are kept for the next refresh
        return
    behind = deps.last_sequence() - updater.reached
    if behind > deps.limits.lag_events:
        raise Problem(
            429,
            "too-far-behind",
            f"{behind} accepted events wait to be taken into account; no row was taken, try again later",
            headers={"Retry-After": "5"},
        )


async def log_rows(deps: ApiDeps, rows: list[Any]) -> dict[str, Any]:
    """Append what is valid, durably; the answer of `POST /v1/events`. Waiting for the log takes no thread:
    while another process holds it, those who wait would take all of them, from reads too."""
    read = await run_in_threadpool(read_event_rows, rows)
    results: dict[int, dict[str, Any]] = {
        place: {"event_id": None, "status": "rejected", "reason": problem.reason, "detail": problem.detail}
        for place, problem in read.problems.items()
    }
    if read.positions:
        appended = await asyncio.wrap_future(deps.events.submit(read.events))
        sequence = _tell(read, appended, results)
    else:
        sequence = await run_in_threadpool(deps.last_sequence)
    for result in results.values():
        deps.metrics.events.labels(result["status"]).inc()
    return {
        "sequence": sequence,
        "results": [results[place] for place in range(len(rows))],
        "events_through": _events_through(deps),
    }


def _tell(read: EventRows, appended: AppendResult, results: dict[int, dict[str, Any]]) -> int:
    """Add the outcomes of the valid rows to `results`; returns their largest sequence number."""
    outcomes = zip(
        read.positions,
        read.events["event_id"],
        appended.accepted.tolist(),
        appended.seq.tolist(),
        strict=True,
    )
    for place, event_id, accepted, seq in outcomes:
        status = "accepted" if accepted else "duplicate"
        results[place] = {"event_id": event_id, "status": status, "sequence": seq}
    return int(appended.seq.max())


def _events_through(deps: ApiDeps) -> int:
    try:
        return deps.holder.serving().events_through
    except NoRelease:
        return 0
