"""Open what the settings name: the graph store and the event log."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, runtime_checkable

from graph.log import EventLog
from graph.sqlite_log import SqliteLog
from graph.sqlite_store import SqliteGraphStore
from graph.store import GraphStore
from service.change_log import ChangeKind, ChangeLog, UnfoldedRange
from service.errors import CallerMistake
from service.home import Home
from service.settings import GraphSettings, Settings


class Closable(Protocol):
    """Anything with a `close` method."""

    def close(self) -> None:
        """Release what is held."""


@runtime_checkable
class PlansStatements(Protocol):
    """A store whose server plans each statement when it first meets it (Neo4j)."""

    def warm_up(self) -> None:
        """Have it plan what events need; nothing is changed."""


@contextmanager
def closing_both(*things: Closable) -> Iterator[None]:
    """Close all things at the end, also after an error."""
    try:
        yield
    finally:
        for thing in things:
            thing.close()


def open_store(settings: Settings, home: Home, *, patient: bool = False) -> GraphStore:
    """The graph store, with its schema ensured. Raises `StoreUnavailable`, `SchemaMismatch`.

    patient: reads too wait two minutes for a server that restarts, as writes do; for commands with long work
    behind them, not where somebody waits for an answer.
    """
    store = store_of(settings, home, patient=patient)
    try:
        store.ensure_schema()
    except Exception:
        store.close()
        raise
    return store


def backend_of(settings: Settings) -> str:
    """What `StoreHealth.backend` says of the store, without asking it."""
    return "sqlite" if settings.graph.url == "sqlite" else "neo4j"


def fresh_rows_of(settings: Settings) -> Path | None:
    """The home's folder of fresh rows; None where releases are served as they were made."""
    return None if settings.update.policy == "off" else Home(settings.home).fresh


def note_reload(home: Home, store: GraphStore | None = None) -> None:
    """Tell a running updater that much was changed at once: it reads everything anew.

    store: where items were written that may have been deleted before.
    """
    changes = open_changes(home)
    with closing_both(changes):
        gone = sorted(changes.deleted()) if store is not None else []
        if store is not None and gone:
            changes.came_back([row["item_id"] for row in store.item_rows(gone)])
        changes.note(ChangeKind.RELOAD)


def open_changes(home: Home) -> ChangeLog:
    """What else the updater has to know: items written, users erased, events taken out."""
    return ChangeLog(home.changes)


def unfolded_events(home: Home) -> list[UnfoldedRange]:
    """Events that a gate or a person took out of the answers."""
    if not home.changes.exists():
        return []
    changes = open_changes(home)
    with closing_both(changes):
        return changes.unfolded()


def open_log(home: Home) -> EventLog:
    """The event log of a home."""
    return SqliteLog(home.event_log)


def graph_password(graph: GraphSettings) -> str:
    """The password, from its file where one is named."""
    if graph.password_file is None:
        return graph.password.get_secret_value()
    try:
        return graph.password_file.read_text("utf-8").partition("\n")[0]
    except OSError as error:
        raise CallerMistake(f"graph.password_file {graph.password_file}: {error.strerror}") from None


def store_of(settings: Settings, home: Home, *, patient: bool = False) -> GraphStore:
    """As `open_store`, but nobody has asked it yet: whoever uses it ensures its schema first."""
    graph = settings.graph
    if graph.url == "sqlite":
        return SqliteGraphStore(home.graph, weights=settings.weights)
    try:
        from graph.neo4j_connection import READ_RETRY_SECONDS, WRITE_RETRY_SECONDS, Neo4jAddress
        from graph.neo4j_store import Neo4jGraphStore
    except ImportError:
        raise CallerMistake(
            "graph.url names a Neo4j server but its driver is missing: pip install 'ilk[neo4j]'"
        ) from None
    address = Neo4jAddress(graph.url, graph.user, graph_password(graph), graph.database)
    # reviews stay in the log: the graph is there to be looked at
    return Neo4jGraphStore(
        address,
        weights=settings.weights,
        log=SqliteLog(home.event_log),
        home=home.name(),
        beside_others=graph.beside_others,
        read_retry_seconds=WRITE_RETRY_SECONDS if patient else READ_RETRY_SECONDS,
    )
