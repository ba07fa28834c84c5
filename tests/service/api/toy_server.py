"""A server over a folder of toy releases, as a program. Arguments: folder, port, workers."""

import sys
from functools import partial
from pathlib import Path

from fastapi import FastAPI

from graph.group_commit import GroupCommitWriter
from graph.sqlite_log import SqliteLog
from graph.sqlite_store import SqliteGraphStore
from service.answering.catalogue import Catalogue
from service.answering.explanation import Explainer
from service.answering.shop_lookup import StoreLookup
from service.answering.similar_items import SimilarItemsService
from service.answering.user_profile import Profiles
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
from service.errors import ServiceError
from service.releases.holder import ReleaseHolder
from service.status import status_of
from service.store_standing import StoreStanding
from service.user_data import UserData
from tests.service.api.conftest import seeded_store
from tests.service.release_toys import toy_store


def make_app(folder: Path) -> FastAPI:
    configure_json_logs("INFO")
    releases = toy_store(folder / "releases")
    log = SqliteLog(folder / "events.db")
    store = SqliteGraphStore(folder / "graph.db")
    holder = ReleaseHolder(releases, poll_seconds=0.05)
    writer = GroupCommitWriter(log)

    def close() -> None:
        writer.close()
        log.close()

    return create_app(
        ApiDeps(
            releases=releases,
            holder=holder,
            answers=SimilarItemsService(holder.serving, StoreLookup(store)),
            events=writer,
            catalogue=Catalogue(store),
            users=UserData(log, store),
            explainer=Explainer(holder.serving, store),
            profiles=Profiles(holder.serving, store),
            last_sequence=log.last_seq,
            status=lambda: status_of(log, StoreStanding(store).look, releases),
            close=close,
        )
    )


def main(folder: Path, port: int, workers: int) -> int:
    log, store = SqliteLog(folder / "events.db"), SqliteGraphStore(folder / "graph.db")
    store.ensure_schema()
    seeded_store(log, store)
    log.close()
    store.close()
    try:
        listening = bind("127.0.0.1", port, ApiKeys())
        sys.stdout.write(address_of(listening) + "\n")
        sys.stdout.flush()
        run_server(partial(make_app, folder), listening, ServerOptions(workers, grace_seconds=5))
    except ServiceError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    sys.stdout.write("ended in order\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
