"""What a user sees when the server, the login or the database is the wrong one: one line that helps."""

import os
import socket
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from neo4j import exceptions

from graph.errors import GraphError, SchemaMismatch, StoreConflict, StoreUnavailable
from graph.neo4j_connection import Neo4jAddress, Neo4jConnection, UnusableServer, check_version, translated
from graph.neo4j_store import Neo4jGraphStore
from tests.graph.events import apply, event
from tests.graph.neo4j.conftest import Cypher
from tests.graph.neo4j.database import address, refusal


def failure(to: Neo4jAddress) -> GraphError:
    """The error of the first call; `health` must tell the same and not raise."""
    store = Neo4jGraphStore(to)
    with pytest.raises(GraphError) as caught:
        store.ensure_schema()
    health = store.health()
    assert (health.ok, health.backend) == (False, "neo4j")
    assert health.detail == str(caught.value)
    store.close()
    assert "\n" not in health.detail
    assert len(health.detail) < 300
    return caught.value


@pytest.fixture
def deaf_port() -> Iterator[int]:
    """A port where somebody listens and says nothing of Bolt."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        yield server.getsockname()[1]


@pytest.fixture
def old_server() -> Iterator[str]:
    """Address of a stub that speaks just enough of Bolt 5.4 to say that it is Neo4j 4.4.40."""

    class Old(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.rfile.read(20)
            self.wfile.write(bytes((0, 0, 4, 5)))
            while size := int.from_bytes(self.rfile.read(2)):
                self.rfile.read(size + 2)  # the message, and the two zeros that end it
                answer = b"\xb1\x70\xa2\x86server\x8cNeo4j/4.4.40\x8dconnection_id\x81x"
                self.wfile.write(len(answer).to_bytes(2) + answer + b"\0\0")

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Old) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"bolt://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.neo4j
@pytest.mark.parametrize("scheme", ["bolt", "neo4j"])
def test_a_wrong_password(scheme: str) -> None:
    to = address()
    # of a user that does not exist: after three failures the server locks a user's account for seconds
    wrong = replace(to, url=to.url.replace("bolt", scheme, 1), user=f"nobody-{scheme}", password="not it")
    error = failure(wrong)
    assert isinstance(error, UnusableServer)
    assert "ILK_GRAPH__PASSWORD" in str(error)
    assert "not it" not in str(error)


@pytest.mark.neo4j
def test_a_wrong_database() -> None:
    error = failure(replace(address(), database="nosuchdatabase"))
    assert isinstance(error, UnusableServer)
    assert "'nosuchdatabase' (set graph.database)" in str(error)


@pytest.mark.neo4j
def test_the_http_port_is_not_the_bolt_port() -> None:
    http = os.environ.get("ILK_NEO4J_HTTP", "")
    to = address()
    if not http:
        pytest.skip("ILK_NEO4J_HTTP is not set")
    error = failure(replace(to, url=http.replace("http", "bolt", 1)))
    assert isinstance(error, UnusableServer)
    assert "Bolt port" in str(error)


@pytest.mark.neo4j
@pytest.mark.parametrize("scheme", ["bolt+s", "bolt+ssc"])
def test_encryption_that_the_server_has_not(scheme: str) -> None:
    to = address()
    error = failure(replace(to, url=to.url.replace("bolt", scheme, 1)))
    assert isinstance(error, UnusableServer)
    assert "wants bolt://" in str(error)


@pytest.mark.parametrize(("answered", "expected"), [(False, UnusableServer), (True, StoreUnavailable)])
def test_a_handshake_that_fails_after_others_succeeded_may_pass(
    answered: bool, expected: type[Exception]
) -> None:
    """A proxy in front of a server that restarts ends it in order."""
    address = Neo4jAddress("bolt+ssc://127.0.0.1:7687", "neo4j", "secret", "neo4j")
    with pytest.raises(expected), translated(address, answered=answered):
        raise exceptions.ServiceUnavailable("[SSLEOFError] EOF occurred in violation of protocol")


@pytest.mark.neo4j
def test_no_password_is_said_so() -> None:
    error = failure(replace(address(), user="nobody", password=""))
    assert isinstance(error, UnusableServer)
    assert "no password is set" in str(error)


def test_an_old_server_tells_its_version(old_server: str) -> None:
    error = failure(Neo4jAddress(old_server))
    assert isinstance(error, UnusableServer)
    assert "Neo4j 4.4.40 is too old" in str(error)


def test_nobody_listens(deaf_port: int) -> None:
    error = failure(Neo4jAddress(f"bolt://127.0.0.1:{deaf_port}"))
    assert isinstance(error, StoreUnavailable)
    assert "does not answer: Connection refused (is the server running there?)" in str(error)


def test_a_routed_address_without_server_is_one_line_too(
    deaf_port: int, caplog: pytest.LogCaptureFixture
) -> None:
    error = failure(Neo4jAddress(f"neo4j://127.0.0.1:{deaf_port}"))
    assert isinstance(error, StoreUnavailable)
    assert "bolt:// tells more" in str(error)
    assert not caplog.records


@pytest.mark.parametrize("url", ["http://127.0.0.1:7474", "sqlite", "bolt:/127.0.0.1"])
def test_an_address_that_is_none(url: str) -> None:
    assert "bolt://host:7687" in str(failure(Neo4jAddress(url)))


@pytest.mark.parametrize("agent", ["Neo4j/4.4.40", "Neo4j/5.25.1"])
def test_a_server_that_is_too_old(agent: str) -> None:
    with pytest.raises(UnusableServer, match=r"too old: 5\.26 LTS"):
        check_version(agent)


def test_versions_that_will_do() -> None:
    assert check_version("Neo4j/5.26.12") == "5.26.12"
    assert check_version("Neo4j/2026.08.1") == "2026.08.1"
    assert check_version("Neo4j/5.27-aura") == "5.27-aura"
    with pytest.raises(UnusableServer, match="Memgraph"):
        check_version("Memgraph/3.0")


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(Neo4jAddress("bolt://h", password="secret"))


@pytest.mark.neo4j
def test_another_schema_version_is_refused(neo4j_store: Neo4jGraphStore, cypher: Cypher) -> None:
    cypher("MATCH (s:IlkStore) SET s.schemaVersion = 99")
    for ask in (neo4j_store.ensure_schema, neo4j_store.stats, lambda: apply(neo4j_store, event("1"))):
        with pytest.raises(SchemaMismatch, match="99"):
            ask()


@pytest.mark.neo4j
def test_a_database_without_schema_says_so(neo4j_store: Neo4jGraphStore, cypher: Cypher) -> None:
    cypher("MATCH (s:IlkStore) DELETE s")
    with pytest.raises(SchemaMismatch, match="ensure_schema"):
        neo4j_store.stats()
    assert not neo4j_store.health().ok


@pytest.mark.neo4j
def test_a_closed_store_opens_again(neo4j_store: Neo4jGraphStore) -> None:
    neo4j_store.close()
    neo4j_store.close()
    assert neo4j_store.health().ok


def test_tests_refuse_a_database_of_somebody_else() -> None:
    assert refusal(nodes=0, markers=0) is None
    assert refusal(nodes=10, markers=1) is None
    assert "REFUSED" in str(refusal(nodes=1, markers=0))


def test_a_write_that_waits_for_the_server_says_so_once(caplog: pytest.LogCaptureFixture) -> None:
    connection = Neo4jConnection(Neo4jAddress("bolt://h"), write_retry_seconds=60.0)
    failures = iter([StoreUnavailable("bolt://h does not answer")] * 2)

    def attempt() -> str:
        for error in failures:
            raise error
        return "done"

    assert connection._patiently(attempt, 60.0) == "done"
    assert [record.getMessage() for record in caplog.records] == [
        "bolt://h does not answer; trying again for 60 seconds"
    ]


@pytest.mark.parametrize(("conflicts", "told"), [(1, 0), (2, 1), (4, 1)])
def test_conflicts_that_do_not_pass_are_told(
    caplog: pytest.LogCaptureFixture, conflicts: int, told: int
) -> None:
    connection = Neo4jConnection(Neo4jAddress("bolt://h"))
    failures = iter([StoreConflict("DeadlockDetected: locked")] * conflicts)

    def attempt() -> str:
        for error in failures:
            raise error
        return "done"

    assert connection._patiently(attempt, 60.0, conflicts=True) == "done"
    said = ["DeadlockDetected: locked; trying again for 60 seconds"] * told
    assert [record.getMessage() for record in caplog.records] == said


class AwayDriver:
    """A driver whose server is away for the first two reads."""

    def __init__(self) -> None:
        self.reads = 0

    def session(self, **options: object) -> "AwayDriver":
        return self

    def __enter__(self) -> "AwayDriver":
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def execute_read(self, work: Callable[[object], int]) -> int:
        self.reads += 1
        if self.reads < 3:
            raise exceptions.ServiceUnavailable("Couldn't connect to h:7687")
        return work(None)


def test_a_patient_read_waits_for_the_server_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    connection = Neo4jConnection(Neo4jAddress("bolt://h"), read_retry_seconds=60.0)
    connection._driver = AwayDriver()  # type: ignore[assignment]  # what a read uses of one
    assert connection.read(lambda tx: 7) == 7
    assert len(caplog.records) == 1
    assert caplog.records[0].getMessage().endswith("trying again for 60 seconds")


def test_a_read_that_somebody_waits_for_fails_at_once() -> None:
    connection = Neo4jConnection(Neo4jAddress("bolt://h"))
    away = connection._driver = AwayDriver()  # type: ignore[assignment]  # what a read uses of one
    with pytest.raises(StoreUnavailable):
        connection.read(lambda tx: 7)
    assert away.reads == 1
