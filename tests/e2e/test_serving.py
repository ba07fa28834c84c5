"""The real server process: answers, odd ids, durable events, health, a switch of release, a clean end."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest

from tests.e2e.conftest import Run, trial_environment

START_SECONDS = 90.0


class Server:
    """A running `ilk serve`."""

    def __init__(
        self, home: Path, *args: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None
    ) -> None:
        self.log = home.parent / "serve.log"
        command = [
            str(Path(sys.executable).with_name("ilk")),
            "--home",
            str(home),
            "serve",
            "--port",
            "0",
            *args,
        ]
        with self.log.open("w", encoding="utf-8") as out:
            self.process = subprocess.Popen(
                command,
                env=trial_environment() | dict(environment or {}),
                stdout=out,
                stderr=out,
                cwd=cwd,
                start_new_session=True,
            )
        self.client = httpx.Client(base_url=self._address(), timeout=30)

    def _address(self) -> str:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            found = re.search(r"serving\s+(http://\S+)", self.log.read_text("utf-8"))
            if found and self._ready(found[1]):
                return found[1]
            assert self.process.poll() is None, self.log.read_text("utf-8")
            time.sleep(0.2)
        raise AssertionError(self.log.read_text("utf-8"))

    @staticmethod
    def _ready(address: str) -> bool:
        try:
            return httpx.get(f"{address}/health/ready", timeout=5).status_code == 200
        except httpx.TransportError:
            return False

    def stop(self) -> int:
        """SIGTERM, then wait; returns the exit code."""
        self.client.close()
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=30)


@pytest.fixture(scope="module")
def server(small_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("serving") / "home"
    shutil.copytree(small_home, home)
    running = Server(home)
    yield running
    if running.process.poll() is None:
        running.stop()


def test_http_equals_the_command_line(server: Server, ilk: Run, small_home: Path) -> None:
    for item_id in ("S0000", "S0033"):
        told = json.loads(ilk("--home", small_home, "similar", item_id, "--json", "-").stdout)
        answer = server.client.get(f"/v1/items/{item_id}/similar", params={"k": 10}).json()
        assert [row["item_id"] for row in answer["results"]] == [row["item_id"] for row in told["results"]]
        assert answer["model_version"] == told["model_version"]


def test_unknown_items_are_404_problems(server: Server) -> None:
    answer = server.client.get(f"/v1/items/{quote('no/such<item>', safe='')}/similar")
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert answer.json()["status"] == 404


def test_an_event_is_durable_numbered_and_soon_in_the_graph(server: Server) -> None:
    before = server.client.get("/v1/status").json()["sequence"]
    event = {"event_id": "e-1", "user_id": "new shopper", "item_id": "S0000", "event_type": "purchase"}
    told = server.client.post("/v1/events", json={"events": [event]}).json()
    assert told["sequence"] == before + 1
    assert told["results"][0]["status"] == "accepted"
    again = server.client.post("/v1/events", json={"events": [event]}).json()
    assert again["results"][0]["status"] == "duplicate"
    assert again["results"][0]["sequence"] == before + 1
    deadline = time.monotonic() + 20
    while server.client.get("/v1/status").json()["applied_sequence"] <= before:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    found = server.client.get("/v1/users/new%20shopper/recommendations").json()["results"]
    assert found
    assert "S0000" not in {row["item_id"] for row in found}


def test_operations_answer(server: Server) -> None:
    assert server.client.get("/health/live").status_code == 200
    assert "ilk_" in server.client.get("/metrics").text
    assert server.client.get("/openapi.json").json()["openapi"].startswith("3.")


def test_sigterm_ends_everything(small_home: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(small_home, home)
    (tmp_path / "service").mkdir()  # a folder of the same name where the server starts must not matter
    (tmp_path / "service" / "__init__.py").write_text("raise RuntimeError('wrong package')\n", "utf-8")
    running = Server(home, "--workers", "2", cwd=tmp_path)
    assert running.client.get("/v1/items/S0000/similar").status_code == 200
    family = _family(running.process.pid)
    assert len(family) >= 3
    assert running.stop() == 0
    deadline = time.monotonic() + 20
    while any(_alive(pid) for pid in family):
        assert time.monotonic() < deadline, "processes are left behind"
        time.sleep(0.2)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_all_processes_may_be_ended_at_once(small_home: Path, tmp_path: Path, number: signal.Signals) -> None:
    """Ctrl-C, and whoever ends the whole group: no process is started again, nothing is complained of."""
    home = tmp_path / "home"
    shutil.copytree(small_home, home)
    running = Server(home, "--workers", "2")
    deadline = time.monotonic() + START_SECONDS
    while "following release" not in running.log.read_text("utf-8"):
        assert time.monotonic() < deadline, running.log.read_text("utf-8")
        time.sleep(0.1)
    os.killpg(running.process.pid, number)
    assert running.process.wait(timeout=30) == 0
    said = [line for line in running.log.read_text("utf-8").splitlines() if line.startswith("{")]
    assert {json.loads(line)["level"] for line in said} == {"info"}, said
    quiet_end(running.log.read_text("utf-8"))


@pytest.mark.parametrize("workers", [1, 2])
def test_ctrl_c_while_the_processes_start_is_quiet(small_home: Path, tmp_path: Path, workers: int) -> None:
    home, log = tmp_path / "home", tmp_path / "serve.log"
    shutil.copytree(small_home, home)
    command = [str(Path(sys.executable).with_name("ilk")), "--home", str(home), "serve", "--port", "0"]
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            [*command, "--workers", str(workers)],
            env=trial_environment(),
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_SECONDS
    while "serving" not in log.read_text("utf-8"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    time.sleep(0.3)  # the updater and the workers are importing
    os.killpg(process.pid, signal.SIGINT)
    assert process.wait(timeout=60) == 0
    quiet_end(log.read_text("utf-8"))


def quiet_end(log: str) -> None:
    """Nothing in a log that looks like a failure."""
    for word in ("Traceback", "again", "leaked", "could not load", "KeyboardInterrupt"):
        assert word.lower() not in log.lower(), log


def _family(pid: int) -> list[int]:
    told = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    )
    return [pid, *map(int, told.stdout.split())]


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
