"""What the HTTP application is given; it makes nothing itself."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar

import polars as pl
from anyio import CapacityLimiter, to_thread
from fastapi import Request

from graph.log import AppendResult
from service.answering.catalogue import Catalogue
from service.answering.explanation import Explainer
from service.answering.rule_book import RuleBook
from service.answering.shaping import Boost
from service.answering.similar_items import SimilarItemsService
from service.answering.user_profile import Profiles
from service.api.keys import ApiKeys
from service.api.metrics import Metrics
from service.api.waiting_events import WaitingEvents
from service.change_log import UnfoldedRange
from service.live.updater_status import UpdaterStatus
from service.live.what_if import WhatIf
from service.nightly.schedule_state import JobState
from service.releases.holder import ReleaseHolder
from service.releases.store import ReleaseStore
from service.reporting.gate_standing import GateStanding
from service.user_data import UserData

Result = TypeVar("Result")


class EventAppender(Protocol):
    """Where accepted events go: a writer that groups commits in front of an `EventLog`."""

    def submit(self, events: pl.DataFrame) -> "Future[AppendResult]":
        """See `GroupCommitWriter.submit`: durable once the result is there."""


WRITE_THREADS = 16
"""Threads that writes to the store may take. Reads have the others to themselves: a store that another
process holds keeps whoever writes waiting, and would keep all answers waiting with them."""


@dataclass(frozen=True)
class ApiLimits:
    """How much one request may ask for."""

    body_bytes: int = 8 * 1024 * 1024
    body_seconds: float = 30.0
    """Time in which a body must have arrived."""
    events: int = 5000
    """Rows of one `POST /v1/events`."""
    items: int = 1000
    """Rows of one `POST /v1/items:batch`."""
    lag_events: int = 100_000
    """Accepted events that may wait for graph and answers before `POST /v1/events` answers 429."""


@dataclass(frozen=True)
class ApiDeps:
    """Everything that routes use."""

    releases: ReleaseStore
    holder: ReleaseHolder
    """Started and stopped with the application."""
    answers: SimilarItemsService
    events: EventAppender
    catalogue: Catalogue
    users: UserData
    last_sequence: Callable[[], int]
    """Sequence number of the log's newest event."""
    status: Callable[[], dict[str, Any]]
    """As in `ilk status --json`."""
    explainer: Explainer
    profiles: Profiles
    rules: RuleBook | None = None
    """None: no editors' rules are kept."""
    boosts: Mapping[str, Boost] = field(default_factory=dict)
    """By the name that callers use."""
    updater: Callable[[], UpdaterStatus | None] = lambda: None
    """How the updater stands; None: there is none."""
    what_if: WhatIf | None = None
    """None: answers do not follow events."""
    unfolded: Callable[[], list[UnfoldedRange]] = list
    """Events that were taken out of the answers."""
    schedule: Callable[[], Mapping[str, JobState]] = dict
    """Where each scheduled job stands."""
    sources: Callable[[], Sequence[Mapping[str, Any]]] = list
    """Where each of `[[sources]]` stands, as in `ilk status --json`."""
    free_bytes: Callable[[], int | None] = lambda: None
    """Free on the disk of the home; None: not known."""
    gate: Callable[[], GateStanding] = GateStanding
    """How the gates have decided lately."""
    keys: ApiKeys = field(default_factory=ApiKeys)
    cors_origins: tuple[str, ...] = ()
    """Whose pages may ask from a browser."""
    limits: ApiLimits = ApiLimits()
    writes: CapacityLimiter = field(default_factory=lambda: CapacityLimiter(WRITE_THREADS))
    """Of threads for changes of items, users' data and rules; see `in_write_thread`."""
    metrics: Metrics = field(default_factory=Metrics)
    waiting: WaitingEvents = field(default_factory=WaitingEvents)
    """Since when this worker knows of events that do not count yet."""
    started: Callable[[], None] = lambda: None
    """Called once when the application is ready to answer."""
    close: Callable[[], None] = lambda: None
    """Called once when the application ends: closes log and store."""


def deps_of(request: Request) -> ApiDeps:
    """The dependencies of the application that answers a request."""
    deps: ApiDeps = request.app.state.deps
    return deps


async def in_write_thread(deps: ApiDeps, work: Callable[..., Result], *arguments: Any) -> Result:
    """`work(*arguments)` in a thread, as `run_in_threadpool`, but of the few that writes may take."""
    return await to_thread.run_sync(partial(work, *arguments), limiter=deps.writes)
