"""One Neo4j database: driver, managed transactions, retries, errors in our words."""

import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from tenacity import (
    RetryCallState,
    Retrying,
    retry_if_exception_type,
    stop_after_delay,
    wait_exponential,
    wait_random,
)

from graph.errors import GraphError, RetryableStoreError, StoreConflict, StoreUnavailable

if TYPE_CHECKING:
    from neo4j import Driver, ManagedTransaction, Session

ResultT = TypeVar("ResultT")

logger = logging.getLogger(__name__)
# what the driver logs it raises too, or tries again: both are told by us in one line
logging.getLogger("neo4j").setLevel(logging.CRITICAL)

OLDEST_VERSION = (5, 26)
"""The oldest supported server: dynamic relationship types in `CREATE` came with it."""

READ_RETRY_SECONDS = 5.0
"""How long a read goes on trying: long enough for a deadlock or a lost connection, not for a restart."""

WRITE_RETRY_SECONDS = 120.0
"""How long a write goes on trying, and a read of a command that nobody waits for: a server restarts in that
time."""

CONNECT_SECONDS = 10.0
"""How long a server may take to accept a connection."""

CONFLICT_CODES = (
    "DeadlockDetected",
    "LockClientStopped",
    "LockAcquisitionTimeout",
    "ConstraintValidationFailed",
    "EquivalentSchemaRuleAlreadyExists",  # two made it at once: `IF NOT EXISTS` looks before it waits
)


class UnusableServer(GraphError):
    """The server, database or login is the wrong one; trying again will not help."""


@dataclass(frozen=True)
class Neo4jAddress:
    """Where the graph lives."""

    url: str
    """`bolt://host:7687`, `neo4j://host:7687`, or one of their encrypted kin (`+s`, `+ssc`)."""
    user: str = "neo4j"
    password: str = ""
    database: str = "neo4j"

    def __repr__(self) -> str:
        """Without the password: representations end up in logs."""
        return f"Neo4jAddress({self.url!r}, user={self.user!r}, database={self.database!r})"


class Neo4jConnection:
    """Managed transactions on one database; connects at first use; usable from several threads."""

    def __init__(
        self,
        address: Neo4jAddress,
        write_retry_seconds: float = WRITE_RETRY_SECONDS,
        read_retry_seconds: float = READ_RETRY_SECONDS,
    ) -> None:
        """write_retry_seconds: how long a write goes on trying while the server is away; read_retry_seconds:
        likewise a read, never less than `READ_RETRY_SECONDS`. A server that has not answered once is not
        waited for."""
        self.address = address
        self._write_retry_seconds = write_retry_seconds
        self._read_retry_seconds = read_retry_seconds
        self._lock = threading.Lock()
        self._driver: Driver | None = None
        self.version = ""

    def read(self, work: "Callable[[ManagedTransaction], ResultT]") -> ResultT:
        """Run `work` in a read transaction; tried again on lost connections, so it must have no effects."""
        driver = self._open()

        def attempt() -> ResultT:
            with translated(self.address), self._session(driver) as session:
                return session.execute_read(work)

        if self._read_retry_seconds <= READ_RETRY_SECONDS:
            return attempt()  # the driver tries for so long by itself
        return self._patiently(attempt, self._read_retry_seconds)

    def write(self, work: "Callable[[ManagedTransaction], ResultT]") -> ResultT:
        """Run `work` in a write transaction, again after deadlocks and while the server restarts.

        An attempt whose commit was not confirmed may have been committed: `work` must bear that.
        """
        driver = self._open()

        def attempt() -> ResultT:
            with translated(self.address), self._session(driver) as session:
                return session.execute_write(work)

        return self._patiently(attempt, self._write_retry_seconds)

    def auto_commit(self, query: Any, **parameters: Any) -> None:
        """Run a statement with transactions of its own (`CALL ... IN TRANSACTIONS`) or on the schema, again
        after deadlocks and while the server restarts: it must bear to be run twice.

        Two processes that make the schema of one empty database end each other in deadlocks.
        """
        driver = self._open()

        def attempt() -> None:
            with translated(self.address), self._session(driver) as session:
                session.run(query, parameters).consume()

        self._patiently(attempt, self._write_retry_seconds, conflicts=True)

    def close(self) -> None:
        """Close the connections; idempotent. The next use opens them again."""
        with self._lock:
            if self._driver is not None:
                self._driver.close()
            self._driver = None

    def _patiently(
        self, attempt: Callable[[], ResultT], seconds: float, *, conflicts: bool = False
    ) -> ResultT:
        """conflicts: what the driver does by itself in managed transactions."""
        conflicted = told = False

        def tell_once(state: RetryCallState) -> None:
            # else somebody looks at a command that does nothing for two minutes
            nonlocal conflicted, told
            error = state.outcome.exception() if state.outcome is not None else None
            again, conflicted = conflicted, isinstance(error, StoreConflict)
            if told or (conflicted and not again):  # one conflict passes by itself
                return
            told = True
            logger.warning("%s; trying again for %.0f seconds", error, seconds)

        retrying = Retrying(
            retry=retry_if_exception_type(RetryableStoreError if conflicts else StoreUnavailable),
            stop=stop_after_delay(seconds),
            wait=wait_exponential(multiplier=0.2, max=5.0) + wait_random(0.0, 0.2),
            before_sleep=tell_once,
            reraise=True,
        )
        return retrying(attempt)

    def _session(self, driver: "Driver") -> "Session":
        return driver.session(database=self.address.database, fetch_size=1000)

    def _ask_once(self, driver: "Driver") -> None:
        """Without retries: a wrong database or a dead server is to be known at once."""
        with self._session(driver) as session, session.begin_transaction() as tx:
            tx.run("RETURN 1").consume()

    def _open(self) -> "Driver":
        with self._lock:
            if self._driver is None:
                driver = _make_driver(self.address)
                try:
                    with translated(self.address, answered=False):
                        self.version = check_version(driver.get_server_info().agent)
                        self._ask_once(driver)
                except BaseException:
                    driver.close()
                    raise
                self._driver = driver
            return self._driver


def check_version(agent: str) -> str:
    """Version in a server's agent text ("Neo4j/5.26.12"). Raises `UnusableServer` where it is too old."""
    match = re.fullmatch(r"Neo4j/((\d+)\.(\d+)\S*)", agent)
    if match is None:
        raise UnusableServer(f"the server calls itself {agent!r}, not Neo4j")
    if (int(match[2]), int(match[3])) < OLDEST_VERSION:
        oldest = ".".join(map(str, OLDEST_VERSION))
        raise UnusableServer(f"Neo4j {match[1]} is too old: {oldest} LTS or a newer server is needed")
    return match[1]


def _make_driver(address: Neo4jAddress) -> "Driver":
    # the driver also speaks HTTP, as a preview: not for us
    if not re.match(r"(neo4j|bolt)(\+s|\+ssc)?://", address.url):
        raise UnusableServer(f"graph.url {address.url!r} is no address of the form bolt://host:7687")
    try:
        import neo4j
    except ImportError:
        raise UnusableServer("the Neo4j driver is missing: pip install 'ilk[neo4j]'") from None
    try:
        return neo4j.GraphDatabase.driver(
            address.url,
            auth=(address.user, address.password),
            max_transaction_retry_time=READ_RETRY_SECONDS,
            connection_timeout=CONNECT_SECONDS,
            connection_acquisition_timeout=CONNECT_SECONDS,
            notifications_min_severity="OFF",
            user_agent="ilk",
            telemetry_disabled=True,
        )
    except (neo4j.exceptions.ConfigurationError, ValueError) as error:
        raise UnusableServer(f"graph.url {address.url!r}: {_reason(error)}") from None


@contextmanager
def translated(address: Neo4jAddress, *, answered: bool = True) -> Iterator[None]:
    """Driver errors become ours, in one line that says what to do.

    answered: the server has answered us before, so that a handshake that fails now may pass: a proxy in
    front of a server that restarts ends it in order.
    """
    from neo4j import exceptions as failures

    try:
        yield
    except failures.Neo4jError as error:
        raise _server_error(address, error) from error
    except (failures.DriverError, OSError) as error:
        raise _connection_error(address, str(error), answered) from error


def _connection_error(address: Neo4jAddress, text: str, answered: bool) -> GraphError:
    if "looks like HTTP" in text or "not support" in text:
        return UnusableServer(f"{address.url} does not speak Bolt: is it Neo4j's Bolt port?")
    if "SSL" in text and not answered:
        return UnusableServer(
            f"{address.url}: no encrypted connection ({_reason(text)[:80]}); a server without encryption "
            "wants bolt://, one that signed its certificate itself bolt+ssc:// (set graph.url)"
        )
    hint = "is the server running there?"
    if "routing" in text:  # the driver says no more of what went wrong
        hint = "no Neo4j there, or without the encryption of +s, or just starting; bolt:// tells more"
    return StoreUnavailable(f"{address.url} does not answer: {_reason(text)} ({hint})")


def _server_error(address: Neo4jAddress, error: Any) -> GraphError:
    code = str(error.code or "")
    text = f"{code.rpartition('.')[2]}: {_reason(error.message)}"
    if "ClientError.Security" in code:
        reason = _reason(error.message) if address.password else "no password is set"
        return UnusableServer(
            f"{address.url} refused user {address.user!r}: {reason} "
            "(set graph.user and graph.password, or ILK_GRAPH__PASSWORD)"
        )
    if "DatabaseNotFound" in code:
        return UnusableServer(f"{address.url} has no database {address.database!r} (set graph.database)")
    if any(name in code for name in CONFLICT_CODES):
        return StoreConflict(text)
    if "OutOfMemory" in code:
        return GraphError(f"{address.url}: {text} (smaller batches, or a larger heap for the server)")
    if error.is_retryable() or "TransientError" in code or "DatabaseUnavailable" in code:
        return StoreUnavailable(f"{address.url}: {text}")
    return GraphError(f"{address.url}: {text}")


def _reason(error: object) -> str:
    """The last line of the driver's message, of it the reason: what comes before names what was tried."""
    lines = [" ".join(line.split()) for line in str(error).splitlines() if line.strip()]
    last = (lines or ["no reason given"])[-1]
    named = re.search(r"\(reason (?:\[Errno -?\d+\] )?(.*)\)$", last)
    return (named[1] if named else last)[:200]
