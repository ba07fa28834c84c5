"""People decide in the end: editors' rules, rollback, the trail of both."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from fastapi import APIRouter, Path, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from starlette.concurrency import run_in_threadpool

from service.answering.editors_rules import RuleKind, RuleScope
from service.answering.rule_book import AuditEntry, Rule, RuleBook
from service.api.deps import ApiDeps, deps_of, in_write_thread
from service.api.documented import problems
from service.api.problems import Problem
from service.api.queries import Id
from service.api.schemas import AuditShape, RolledBackShape, RuleShape, RulesShape
from service.releases.approval import approve

router = APIRouter(tags=["editors"])

Actor = Annotated[str, Field(min_length=1, max_length=200)]
Reason = Annotated[str, Field(min_length=1, max_length=1000)]


class RuleBody(BaseModel):
    """A rule to be added."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {
                "kind": "pin",
                "item_id": "B0C2",
                "scope": "category",
                "target": "Audio > Headphones",
                "author": "Mia",
                "reason": "spring campaign",
                "expires_at": "2030-04-30T22:00:00Z",
            },
            "anyOf": [
                {"properties": {"scope": {"const": "everywhere"}, "target": {"const": ""}}},
                {
                    "required": ["target"],
                    "properties": {"scope": {"enum": ["item", "category"]}, "target": {"minLength": 1}},
                },
            ],
        },
    )

    kind: RuleKind
    item_id: Id = Field(description="The item that is pinned, banned or always shown.")
    scope: RuleScope
    target: str = Field(
        "", max_length=2048, description="Of scope item: its id; of scope category: its path; else empty."
    )
    place: int = Field(1, ge=1, le=1000, description="Order among pins, the smallest first.")
    author: Actor
    reason: Reason
    expires_at: AwareDatetime | None = Field(None, description="ISO 8601 with time zone; null: no end.")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if (self.scope is RuleScope.EVERYWHERE) != (not self.target):
            raise ValueError("a rule has a target unless it holds everywhere")
        return self

    def rule(self) -> Rule:
        """The rule."""
        expires = self.expires_at.timestamp() if self.expires_at else None
        return Rule(
            self.kind, self.item_id, self.scope, self.author, self.reason, self.target, self.place, expires
        )


class RulesQuery(BaseModel):
    """Which rules."""

    model_config = ConfigDict(extra="forbid")

    ended: bool = Field(False, description="Those that have ended or expired, too.")


class EndQuery(BaseModel):
    """Who ends a rule."""

    model_config = ConfigDict(extra="forbid")

    author: Actor


class AuditQuery(BaseModel):
    """How much of the trail."""

    model_config = ConfigDict(extra="forbid")

    limit: int = Field(100, ge=1, le=1000)


class RollbackBody(BaseModel):
    """Which release is to serve again, and why."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"example": {"author": "Mia", "reason": "odd neighbours of lamps"}}
    )

    version: str | None = Field(
        None, max_length=100, description="A published release; null: the one before the current."
    )
    author: Actor
    reason: Reason


class ApprovalBody(BaseModel):
    """Which release is to serve, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "example": {"version": "r000008-3fa9c1", "author": "Mia", "reason": "looked through"}
        },
    )

    version: str = Field(max_length=100, description="One of `waiting` of `GET /v1/releases`.")
    author: Actor
    reason: Reason


@router.get("/v1/rules", summary="Editors' rules", response_model=RulesShape, responses=problems(422, 503))
async def rules(request: Request, query: Annotated[RulesQuery, Query()]) -> JSONResponse:
    """The rules that hold, the oldest first."""
    found = await run_in_threadpool(lambda: _book(deps_of(request)).rules(ended=query.ended))
    return JSONResponse({"rules": [_shown(rule) for rule in found]})


@router.post(
    "/v1/rules",
    summary="Add an editors' rule",
    status_code=201,
    response_model=RuleShape,
    responses=problems(400, 408, 409, 413, 422, 503),
)
async def add_rule(request: Request, body: RuleBody) -> JSONResponse:
    """It holds in every worker's next answer. Bans win over pins; conditions, deletions and the mask of seen
    items win over both."""
    deps = deps_of(request)
    made = await in_write_thread(deps, _book(deps).add, body.rule(), _key_name(request))
    return JSONResponse(_shown(made), 201)


@router.delete(
    "/v1/rules/{rule_id}",
    summary="End an editors' rule",
    status_code=204,
    response_class=Response,
    responses=problems(404, 422, 503),
)
async def end_rule(
    request: Request, rule_id: Annotated[int, Path(ge=1, lt=2**63)], query: Annotated[EndQuery, Query()]
) -> Response:
    """It stays in the book, with who ended it."""
    deps = deps_of(request)
    await in_write_thread(deps, _book(deps).end, rule_id, query.author, _key_name(request))
    return Response(status_code=204)


@router.get(
    "/v1/audit", summary="What people decided", response_model=AuditShape, responses=problems(422, 503)
)
async def audit(request: Request, query: Annotated[AuditQuery, Query()]) -> JSONResponse:
    """Rules added and ended, rollbacks, approvals: the newest first."""
    found = await run_in_threadpool(_book(deps_of(request)).audit, query.limit)
    return JSONResponse({"entries": [_entry(one) for one in found]})


@router.post(
    "/v1/releases:rollback",
    summary="Let an earlier release serve again",
    response_model=RolledBackShape,
    responses=problems(400, 404, 408, 409, 413, 422, 503),
)
async def rollback(request: Request, body: RollbackBody) -> JSONResponse:
    """Every worker follows within a second. No event is lost: the log is not touched."""
    releases = deps_of(request).releases

    def roll_back() -> tuple[str | None, str]:
        return releases.current_version(), releases.rollback(body.version)

    return await _decided(request, body, "rollback", roll_back)


@router.post(
    "/v1/releases:approve",
    summary="Let a release serve that waits",
    response_model=RolledBackShape,
    responses=problems(400, 404, 408, 409, 413, 422, 503),
)
async def approve_release(request: Request, body: ApprovalBody) -> JSONResponse:
    """Where `refresh.approval` is set, a new release waits for this; every worker follows within a second."""
    releases = deps_of(request).releases
    return await _decided(request, body, "approval", lambda: (approve(releases, body.version), body.version))


async def _decided(
    request: Request,
    body: RollbackBody | ApprovalBody,
    action: str,
    decide: Callable[[], tuple[str | None, str]],
) -> JSONResponse:
    """Which release serves now and which did before, as `decide` returns them, the older first; the audit
    trail tells who let it. Nothing is decided where no trail is kept."""
    deps = deps_of(request)
    book = _book(deps)

    def decide_and_note() -> dict[str, Any]:
        before, version = decide()
        detail = {"from": before, "to": version, "reason": body.reason}
        book.note(body.author, _key_name(request), action, detail)
        return {"version": version, "before": before}

    return JSONResponse(await in_write_thread(deps, decide_and_note))


def _book(deps: ApiDeps) -> RuleBook:
    if deps.rules is None:
        raise Problem(503, "no-rules", "this server keeps no editors' rules")
    return deps.rules


def _key_name(request: Request) -> str:
    name: str = request.scope["state"].get("key_name", "")
    return name


def _shown(rule: Rule) -> dict[str, Any]:
    times = {name: _iso(getattr(rule, name)) for name in ("created_at", "expires_at", "ended_at")}
    return {**asdict(rule), **times}


def _entry(entry: AuditEntry) -> dict[str, Any]:
    return {**asdict(entry), "at": _iso(entry.at)}


def _iso(at: float | None) -> str | None:
    return None if at is None else datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")
