"""The real server: processes, signals, ports, and ids on the wire."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import psutil
import pytest
from uvicorn.config import STARTUP_FAILURE

from service.api import ApiKeys, PortInUse, address_of, bind
from service.api.server import FAILED_SECONDS
from service.errors import CallerMistake
from tests.conftest import ROOT
from tests.service.api.conftest import SHOP
from tests.service.release_toys import ODD_IDS, ToyShop, publish, toy_store

SECONDS = 90.0


@dataclass
class Server:
    """A running `toy_server`."""

    process: subprocess.Popen[str]
    address: str

    def get(self, target: str, method: str = "GET", body: object = None) -> tuple[int, Any]:
        """One request with the target as it stands: no client tidies the path."""
        parts = urlsplit(self.address)
        connection = http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=30)
        try:
            headers = {"Content-Type": "application/json"}
            connection.request(method, target, json.dumps(body) if body is not None else None, headers)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status == 204:
                return 204, None
            return answer.status, json.loads(text) if b"json" in answer.headers[
                "content-type"
            ].encode() else text
        finally:
            connection.close()

    def wait_ready(self) -> None:
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            try:
                if self.get("/health/ready")[0] == 200:
                    return
            except OSError:
                assert self.process.poll() is None, "the server ended"
            time.sleep(0.05)
        pytest.fail("the server was not ready in time")


@contextmanager
def running(folder: Path, workers: int = 1, cwd: Path = ROOT) -> Iterator[Server]:
    store = toy_store(folder / "releases")
    if not store.versions():
        publish(store, SHOP, 2)
    script = ROOT / "tests" / "service" / "api" / "toy_server.py"
    command = [sys.executable, str(script), str(folder), "0", str(workers)]
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(command, cwd=cwd, env=env, text=True, stdout=subprocess.PIPE, stderr=log)
        try:
            assert process.stdout is not None
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:"), (folder / "server.log").read_text()
            server = Server(process, address)
            server.wait_ready()
            yield server
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(SECONDS)
            assert process.stdout is not None
            process.stdout.close()


def test_one_process_serves_any_id_and_ends_gracefully(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        for item_id in ODD_IDS:
            for target in (
                f"/v1/items/{quote(item_id, safe='')}/similar",
                f"/v1/items/{quote(item_id)}/similar",
                f"/v1/similar?item_id={quote(item_id, safe='')}",
            ):
                status, answer = server.get(target)
                assert (status, answer.get("item_id")) == (200, item_id), (target, answer)
        assert server.get("/v1/items/..%2F..%2Fetc/similar")[0] == 404
        assert server.get("/v1/items/%ff/similar")[1]["reason"] == "id_not_utf8"
        assert server.get(f"/v1/items/{'x' * 513}/similar")[1]["reason"] == "id_too_long"
        status, answer = server.get("/v1/events", "POST", {"events": [{"user_id": "u", "item_id": "i"}]})
        assert (status, answer["results"][0]["status"]) == (200, "accepted")
        answers: list[int] = []
        waiting = threading.Thread(
            target=lambda: answers.append(
                server.get("/v1/items/plain/similar?min_sequence=3&timeout_ms=1500")[0]
            )
        )
        waiting.start()
        time.sleep(0.5)
        server.process.send_signal(signal.SIGTERM)
        waiting.join()
        assert answers == [503]  # answered to its end, not cut off
        assert server.process.wait(SECONDS) == 0
    log = (tmp_path / "server.log").read_text()
    lines = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    routes = [line["route"] for line in lines if line["event"] == "request"]
    assert "/v1/items/{item_id}/similar" in routes
    assert "with/slash" not in log


def workers_of(parent: psutil.Process) -> list[psutil.Process]:
    """Processes that answer; those that just end are left out."""
    found = []
    for child in parent.children(recursive=True):
        with suppress(psutil.Error):
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


def test_a_worker_that_does_not_answer_keeps_nobody_from_replacing_another(tmp_path: Path) -> None:
    with running(tmp_path, workers=2) as server:
        parent = psutil.Process(server.process.pid)
        stuck, victim = workers_of(parent)
        metrics, gauges = Path(victim.environ()["PROMETHEUS_MULTIPROC_DIR"]), f"gauge_live*_{victim.pid}.db"
        started = time.monotonic()
        while not list(metrics.glob(gauges)):  # one of the two may still be starting
            assert time.monotonic() < started + 60, "the worker writes no gauges"
            time.sleep(0.1)
        stuck.suspend()
        time.sleep(1.2)  # two rounds of the parent: it waits for the stuck worker's sign of life
        victim.kill()
        started = time.monotonic()
        while {stuck} == (now := set(workers_of(parent)) - {victim}):
            assert time.monotonic() < started + 60, "nobody replaced the worker"
            time.sleep(0.1)
        assert len(now) == 2
        assert not list(metrics.glob(gauges)), "what the dead worker said last would count for ever"
        server.wait_ready()
        stuck.resume()


def test_several_processes_share_port_metrics_and_releases(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"  # a folder with packages of our names: they must not be imported
    for name in ("service", "index", "graph"):
        (elsewhere / name).mkdir(parents=True)
        (elsewhere / name / "__init__.py").write_text("raise ImportError('the wrong package')")
    with running(tmp_path, workers=2, cwd=elsewhere) as server:
        parent = psutil.Process(server.process.pid)
        for _ in range(40):
            assert server.get("/v1/items/plain/similar")[0] == 200
        series = 'ilk_http_requests_total{method="GET",route="/v1/items/{item_id}/similar",status="200"}'
        text = server.get("/metrics")[1].decode()
        assert f"{series} 40.0" in text
        version = publish(toy_store(tmp_path / "releases"), ToyShop(n=60, seed=9), 3)
        server.get("/v1/events", "POST", {"events": [{"user_id": "u", "item_id": "i"}]})
        for _ in range(20):
            status, answer = server.get("/v1/items/plain/similar?min_sequence=3&timeout_ms=20000")
            assert (status, answer["model_version"]) == (200, version)
        workers = workers_of(parent)
        assert len(workers) == 2
        server.process.kill()
        _, alive = psutil.wait_procs(workers, timeout=30)
        assert not alive, "workers outlive the process that started them"


def test_a_taken_port_is_one_line(tmp_path: Path) -> None:
    with bind("127.0.0.1", 0, ApiKeys()) as listening:
        port = listening.getsockname()[1]
        assert address_of(listening) == f"http://127.0.0.1:{port}"
        with pytest.raises(PortInUse, match=f"127.0.0.1:{port}.*--port"):
            bind("127.0.0.1", port, ApiKeys())


def test_addresses_that_cannot_be_bound_are_the_callers_mistake() -> None:
    with pytest.raises(CallerMistake, match="no address"):
        bind("no-such-host.invalid", 0, ApiKeys(["k"]))
    with pytest.raises(CallerMistake, match="API keys"):
        bind("0.0.0.0", 0, ApiKeys())
    with bind("0.0.0.0", 0, ApiKeys(["k"])) as listening:
        assert listening.family == socket.AF_INET


FAILING_WORKER = """
import errno, os, sys
import graph.errors
import service.errors
from service.api import configure_json_logs
from service.api.server import WorkerFactory
def factory():
    configure_json_logs()
    if sys.argv[1] == "EMFILE":
        raise OSError(errno.EMFILE, "Too many open files", "gauge.db")
    kind = getattr(graph.errors, sys.argv[1], None) or getattr(service.errors, sys.argv[1])
    raise kind("the graph is another home's")
WorkerFactory(factory, os.getppid())()
"""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        ("SchemaMismatch", STARTUP_FAILURE),
        ("BadSettings", STARTUP_FAILURE),
        ("NoAccess", STARTUP_FAILURE),
        ("DamagedStore", STARTUP_FAILURE),
        ("EMFILE", STARTUP_FAILURE),
        ("StoreConflict", 1),
    ],
)
def test_a_worker_that_cannot_start_says_so_in_one_line_and_takes_its_time(error: str, code: int) -> None:
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", FAILING_WORKER, error],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == code
    (line,) = done.stderr.splitlines()
    said = "gauge.db: too many open files; raise" if error == "EMFILE" else "the graph is another home's"
    assert f"the worker cannot start: {said}" in line
    assert time.monotonic() - begun > FAILED_SECONDS


REFUSED_SERVER = """
import os
import sys
from functools import partial
from pathlib import Path
from starlette.applications import Starlette
from graph.errors import SchemaMismatch
from service.api import ApiKeys, ServerOptions, address_of, bind, configure_json_logs, run_server
from service.errors import BadSettings, ServiceError

def make_app(refused):
    configure_json_logs()
    if refused.exists():
        if refused.read_text() == "settings":
            raise BadSettings("ilk.toml: serve.port is no number")
        raise SchemaMismatch("the graph is another home's")
    refused.with_name(f"made-{os.getpid()}").touch()
    return Starlette()

if __name__ == "__main__":
    configure_json_logs()
    listening = bind("127.0.0.1", 0, ApiKeys())
    print(address_of(listening), flush=True)
    try:
        run_server(partial(make_app, Path(sys.argv[1])), listening, ServerOptions(2, grace_seconds=2))
    except ServiceError as error:
        sys.exit(f"refused: {error}")
"""


@contextmanager
def refused_later(folder: Path) -> Iterator[tuple[Server, Path, Path]]:
    """A server of two workers, the file whose presence makes every further one fail, and its log."""
    script, refused, log = (folder / name for name in ("script.py", "refused", "server.log"))
    script.write_text(REFUSED_SERVER)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script), str(refused)]
    with log.open("w") as written:
        process = subprocess.Popen(command, env=env, text=True, stdout=subprocess.PIPE, stderr=written)
        try:
            assert process.stdout is not None
            yield Server(process, process.stdout.readline().strip()), refused, log
        finally:
            process.kill()
            process.wait(SECONDS)
            assert process.stdout is not None
            process.stdout.close()


@pytest.mark.parametrize(
    ("refused", "said"),
    [("store", "the graph is another home's"), ("settings", "ilk.toml: serve.port is no number")],
)
def test_a_server_all_of_whose_workers_are_refused_ends_and_says_so(
    tmp_path: Path, refused: str, said: str
) -> None:
    (tmp_path / "refused").write_text(refused)
    with refused_later(tmp_path) as (server, _, log):
        assert server.process.wait(SECONDS) == 1
        told = log.read_text()
        assert f"the worker cannot start: {said}" in told
        assert "refused: the server could not start" in told
        assert "starting another one" not in told


def test_while_another_worker_answers_a_refused_one_ends_nothing(tmp_path: Path) -> None:
    with refused_later(tmp_path) as (server, refused, log):
        parent, begun = psutil.Process(server.process.pid), time.monotonic()
        while len(made := list(tmp_path.glob("made-*"))) < 2:
            assert time.monotonic() < begun + SECONDS, log.read_text()
            time.sleep(0.1)
        refused.touch()
        first, second = (psutil.Process(int(one.name.removeprefix("made-"))) for one in made)
        first.kill()
        while "a worker ended with code 3; starting another one" not in log.read_text():
            assert time.monotonic() < begun + SECONDS, log.read_text()
            time.sleep(0.1)
        assert server.get("/")[0] == 404
        assert parent.is_running()
        second.kill()
        assert server.process.wait(SECONDS) == 1
        assert "refused: the server could not start" in log.read_text()
