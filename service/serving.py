"""Put the HTTP service together: release, log, graph, updater."""

import logging
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console
from starlette.types import ASGIApp

from gnn.freed_memory import settle
from graph.errors import GraphError, NeedsMending, RetryableStoreError
from graph.group_commit import GroupCommitWriter
from graph.log import EventLog
from graph.store import GraphStore
from service.answering.catalogue import Catalogue, lock_between_processes
from service.answering.explanation import Explainer
from service.answering.last_known import LastKnownShop
from service.answering.rule_book import RuleBook
from service.answering.shaping import Boost
from service.answering.similar_items import SimilarItemsService
from service.answering.user_profile import Profiles
from service.api import (
    ApiDeps,
    ApiKeys,
    ApiLimits,
    KeyGrant,
    Scope,
    ServerOptions,
    address_of,
    bind,
    configure_json_logs,
    create_app,
    run_server,
)
from service.change_log import ChangeKind, ChangeLog
from service.home import Home
from service.increments.process import IncrementProcess
from service.intake.sync import source_status
from service.live.updater_process import UpdaterProcess
from service.live.updater_status import read_updater
from service.live.what_if import WhatIf
from service.nightly.schedule import scheduling
from service.nightly.schedule_state import read_schedule, schedule_status
from service.releases.holder import ReleaseHolder, Serving
from service.releases.store import ReleaseStore
from service.reporting.gate_standing import read_gate_standing
from service.settings import ServeSettings, Settings, load_settings
from service.status import for_callers, free_bytes, status_of
from service.store_standing import StoreStanding
from service.stores import backend_of, closing_both, fresh_rows_of, open_changes, open_log, store_of
from service.text_vectors import LazyTextVectors, forget_reviews, open_encoders
from service.user_data import Remainder, UserData

logger = logging.getLogger(__name__)


def serve(settings: Settings, console: Console) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises `CallerMistake` (address), `PortInUse`, `NeedsMending` (a home
    that we may not open, a damaged log)."""
    check_access(Home(settings.home))
    keys = api_keys(settings.serve)
    listening = bind(settings.serve.host, settings.serve.port, keys)
    if not keys.configured:
        console.print("  no API keys are set, so only this machine is served (serve.api_keys)")
    if ReleaseStore(Home(settings.home).releases).current_version() is None:
        console.print("  no release yet: `ilk refresh` makes one, meanwhile or now; it is taken up by itself")
    console.print(f"  serving    {address_of(listening)}  (Ctrl-C ends it)")
    updater, increments = UpdaterProcess(settings), IncrementProcess(settings)
    factory = partial(make_app, settings.home, settings.serve.model_dump())

    def ending() -> None:
        increments.keep_no_longer()
        updater.keep_no_longer()

    try:
        with scheduling(settings):
            run_server(factory, listening, ServerOptions(workers=settings.serve.workers), ending)
    finally:
        increments.stop()
        updater.stop()


def check_access(home: Home) -> None:
    """Raise `NeedsMending` where the home's log cannot be opened or read, `SchemaMismatch` where it is not
    ours: at once and once, instead of in each worker, the updater and the increments."""
    try:
        log = open_log(home)
        with closing_both(log):
            log.last_seq()  # only its first page was looked at until here
    except NeedsMending:
        raise
    except RetryableStoreError as error:  # passes by itself; several workers try until then
        logger.warning("the event log cannot be opened just now: %s", error)


def make_app(home: Path, serve_flags: dict[str, object]) -> ASGIApp:
    """The application of one worker; settings are read anew, as workers are fresh processes."""
    configure_json_logs()
    settings = load_settings(home, {"serve": serve_flags})
    return create_app(replace(make_deps(settings), started=settle))


def make_deps(settings: Settings) -> ApiDeps:
    """Open what the application needs; its `close` closes all of it. A graph store that is out of reach is
    opened once it answers; until then answers are as last known."""
    home = Home(settings.home)
    log, store, changes = open_log(home), store_of(settings, home), open_changes(home)
    releases = ReleaseStore(home.releases)
    holder = ReleaseHolder(
        releases, fresh=fresh_rows_of(settings), switch_seconds=settings.update.switch_seconds
    )
    writer = GroupCommitWriter(log)
    rules = RuleBook(home.rules)
    texts = LazyTextVectors(partial(open_encoders, settings, home))
    shop = LastKnownShop(store, lambda: holder.serving().release.items, changes.deleted)
    try:
        shop.open()
    except GraphError:
        store.close()
        raise
    standing = StoreStanding(store, shop.asking, backend_of(settings))

    def serving_within_reach() -> Serving:
        shop.reached()
        return holder.serving()

    def close() -> None:
        for thing in (shop, writer, log, store, changes, rules):
            thing.close()

    return ApiDeps(
        releases=releases,
        holder=holder,
        answers=SimilarItemsService(holder.serving, shop, texts, rules),
        rules=rules,
        events=writer,
        catalogue=_catalogue(home, store, changes, shop),
        users=_user_data(settings, home, log, store, changes, shop),
        explainer=Explainer(serving_within_reach, store, settings.explain.min_users),
        profiles=Profiles(serving_within_reach, store),
        boosts={name: Boost(**one.model_dump()) for name, one in settings.answers.boosts.items()},
        last_sequence=log.last_seq,
        status=lambda: for_callers(
            {
                **status_of(log, standing.look, releases, home.fresh),
                "schedule": schedule_status(home),
                **({"sources": source_status(settings, home)} if settings.sources else {}),
            }
        ),
        schedule=lambda: read_schedule(home),
        sources=lambda: source_status(settings, home) if settings.sources else [],
        updater=lambda: read_updater(home.fresh),
        unfolded=changes.unfolded,
        free_bytes=partial(free_bytes, home.root),
        gate=lambda: read_gate_standing(home),
        what_if=None if settings.update.policy == "off" else WhatIf(holder, releases, shop, home.fresh),
        limits=ApiLimits(lag_events=settings.update.max_lag_events),
        keys=api_keys(settings.serve),
        cors_origins=settings.serve.cors_origins,
        close=close,
    )


def _catalogue(home: Home, store: GraphStore, changes: ChangeLog, shop: LastKnownShop) -> Catalogue:
    return Catalogue(
        store,
        lock_between_processes(home.root / "items.lock"),
        lambda items: changes.note(ChangeKind.PUT, [one.item_id for one in items]),
        lambda item_id: changes.note(ChangeKind.DELETED, [item_id]),
        shop.reached,
    )


def _user_data(
    settings: Settings,
    home: Home,
    log: EventLog,
    store: GraphStore,
    changes: ChangeLog,
    shop: LastKnownShop,
) -> UserData:
    def erasing() -> AbstractContextManager[None]:
        shop.reached()
        return home.writing("erase")

    return UserData(
        log,
        store,
        home.quarantine,
        erasing,
        partial(left_on_disk, settings, home),
        partial(changes.note, ChangeKind.RELOAD),
        partial(forget_reviews, home.text_cache),
        shop.asking,
    )


def left_on_disk(settings: Settings, home: Home) -> list[Remainder]:
    """Where erased bytes may still lie after an erasure."""
    kept = [
        Remainder(path.name, "pages as they were before", "the next write after all readers moved on")
        for path in (home.event_log, home.graph, home.text_cache)
        if _size(path.with_name(f"{path.name}-wal"))
    ]
    updater = read_updater(home.fresh)
    if updater is not None and updater.running:
        kept.append(
            Remainder(
                "the updater's mirror of the graph, in memory",
                "the user's edges, and sums and embeddings in which they had a part",
                "some seconds from now: it reads the graph anew",
            )
        )
    kept += [
        Remainder(f"backup {path.name}", "everything as it was then", "the shop removes it")
        for path in sorted(home.root.glob("*.tar*"))
    ]
    if settings.graph.url != "sqlite":
        kept.append(
            Remainder(
                "Neo4j's transaction logs",
                "the transactions that wrote the user's events",
                "the server prunes them (db.tx_log.rotation.retention_policy)",
            )
        )
    return kept


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def api_keys(serve_settings: ServeSettings) -> ApiKeys:
    """The configured keys."""
    grants = [
        KeyGrant(
            bytes.fromhex(key.sha256),
            key.name,
            frozenset(map(Scope, key.scopes)),
            key.requests_per_minute,
        )
        for key in serve_settings.keys
    ]
    plain = [key.get_secret_value() for key in serve_settings.api_keys]
    return ApiKeys(plain, grants, serve_settings.requests_per_minute)
