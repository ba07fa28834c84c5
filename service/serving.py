"""Put the HTTP service together: release, log, graph, updater."""

from functools import partial
from pathlib import Path

from rich.console import Console
from starlette.types import ASGIApp

from graph.group_commit import GroupCommitWriter
from service.api import (
    ApiDeps,
    ApiKeys,
    ServerOptions,
    address_of,
    bind,
    configure_json_logs,
    create_app,
    run_server,
)
from service.home import Home
from service.release_holder import ReleaseHolder
from service.release_store import ReleaseStore
from service.settings import ServeSettings, Settings, load_settings
from service.shop_lookup import StoreLookup
from service.similar_items import SimilarItemsService
from service.status import status_of
from service.stores import open_log, open_store
from service.updater import start_updater


def serve(settings: Settings, console: Console) -> None:
    """Serve until SIGTERM or Ctrl-C. Raises `CallerMistake` (address), `PortInUse`."""
    keys = api_keys(settings.serve)
    listening = bind(settings.serve.host, settings.serve.port, keys)
    if not keys.configured:
        console.print("  no API keys are set, so only this machine is served (serve.api_keys)")
    console.print(f"  serving    {address_of(listening)}  (Ctrl-C ends it)")
    updater = start_updater(settings)
    factory = partial(make_app, settings.home, settings.serve.model_dump())
    try:
        run_server(factory, listening, ServerOptions(workers=settings.serve.workers))
    finally:
        updater.terminate()
        updater.join(timeout=10)


def make_app(home: Path, serve_flags: dict[str, object]) -> ASGIApp:
    """The application of one worker; settings are read anew, as workers are fresh processes."""
    configure_json_logs()
    settings = load_settings(home, {"serve": serve_flags})
    return create_app(make_deps(settings))


def make_deps(settings: Settings) -> ApiDeps:
    """Open what the application needs; its `close` closes all of it."""
    home = Home(settings.home)
    log, store = open_log(home), open_store(settings, home)
    releases = ReleaseStore(home.releases)
    holder = ReleaseHolder(releases)
    writer = GroupCommitWriter(log)

    def close() -> None:
        for thing in (writer, log, store):
            thing.close()

    return ApiDeps(
        releases=releases,
        holder=holder,
        answers=SimilarItemsService(holder.serving, StoreLookup(store)),
        events=writer,
        last_sequence=log.last_seq,
        status=lambda: status_of(log, store, releases),
        keys=api_keys(settings.serve),
        close=close,
    )


def api_keys(serve_settings: ServeSettings) -> ApiKeys:
    """The configured keys."""
    return ApiKeys(key.get_secret_value() for key in serve_settings.api_keys)
