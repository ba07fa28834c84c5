#!/usr/bin/env python3
"""Start and stop a real Neo4j Community server in the background, on free loopback ports.

::

    python3 deploy/neo4j/server.py start [--version lts|calendar|X.Y.Z] [--fresh]
    python3 deploy/neo4j/server.py stop

Docker runs it where a Docker engine answers, else the jars of `pom.xml` (Maven and a JDK). Everything lies in
`.neo4j/` at the project's root: `env` (to be sourced), `pid` or `container`, `password`, `server.log`, the
jars, and one data folder per version, kept between starts. Needs nothing but the standard library.
"""

import argparse
import json
import os
import secrets
import shutil
import socket
import sys
import time
import urllib.error
import urllib.request
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

import docker_runner
import maven_runner
from failure import ServerFailure

ROOT = Path(__file__).resolve().parent.parent.parent
START_TIMEOUT = 180.0
"""Seconds; a cold start on two busy cores takes about 20."""


@dataclass(frozen=True)
class Ports:
    """Loopback ports of one server."""

    bolt: int
    http: int

    def free(self) -> bool:
        """Whether nothing listens on either."""
        return all(_is_free(port) for port in (self.bolt, self.http))


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    options = _parser().parse_args(arguments)
    folder: Path = options.folder.resolve()
    try:
        if options.command == "start":
            start(
                folder,
                (options.jars or folder / "jars").resolve(),
                options.version,
                options.heap,
                options.runner,
                options.fresh,
            )
        else:
            stop(folder)
    except ServerFailure as failure:
        sys.stderr.write(f"neo4j: {failure}\n")
        return 1
    return 0


def start(folder: Path, jars: Path, version: str, heap: str, runner: str, fresh: bool) -> None:
    """Start a server unless one runs already, wait until it answers, write `env`. Raises `ServerFailure`."""
    folder.mkdir(parents=True, exist_ok=True)
    if fresh:
        stop(folder)
    elif _running(folder) and _answers(_ports(folder), _password(folder)):
        _say(f"already running; `. {_short(folder / 'env')}` (`make neo4j-stop` ends it)")
        return
    run = docker_runner if _use_docker(runner) else maven_runner
    plan = run.plan(version, jars)
    home = folder / "homes" / plan.version
    if fresh:
        shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    ports = _ports(folder)
    _say(f"starting Neo4j {plan.version} ({plan.how}) ...")
    run.launch(plan, folder, home, ports.bolt, ports.http, _password(folder), heap)
    _wait(folder, ports)
    _write_env(folder, ports)
    browser = f"http://127.0.0.1:{ports.http}/browser/"
    _say(f"ready; Browser: {browser} (user neo4j, password in {_short(folder / 'password')})")
    _say(f"now: . {_short(folder / 'env')}")


def stop(folder: Path) -> None:
    """End the server that `start` began, and only that one."""
    stopped = docker_runner.stop(folder) or maven_runner.stop(folder)
    (folder / "env").unlink(missing_ok=True)
    _say("stopped" if stopped else "no server of ours is running")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="A real Neo4j Community server on free loopback ports.")
    parser.add_argument("command", choices=["start", "stop"])
    parser.add_argument(
        "--version", default="auto", help="lts, calendar, or an exact version (default: what the JDK runs)"
    )
    parser.add_argument("--fresh", action="store_true", help="forget the data of earlier starts")
    parser.add_argument("--heap", default="512m", help="largest Java heap (default 512m)")
    parser.add_argument("--runner", choices=["auto", "docker", "maven"], default="auto")
    parser.add_argument("--folder", type=Path, default=ROOT / ".neo4j", help="where everything lies")
    parser.add_argument("--jars", type=Path, help="where the jars lie (default: FOLDER/jars)")
    return parser


def _use_docker(runner: str) -> bool:
    return runner == "docker" or (runner == "auto" and docker_runner.engine_answers())


def _running(folder: Path) -> bool:
    return docker_runner.running(folder) or maven_runner.running(folder)


def _wait(folder: Path, ports: Ports) -> None:
    deadline = time.monotonic() + START_TIMEOUT
    while time.monotonic() < deadline:
        if _answers(ports, _password(folder)):
            return
        lives = _running(folder)
        time.sleep(0.3)
        # asked twice: on a busy machine a process that has just begun shows no command line yet
        if not lives and not _running(folder):
            raise ServerFailure(
                f"the server ended while starting: {_last_line(folder)} (see {folder / 'server.log'})"
            )
    stop(folder)
    raise ServerFailure(f"no answer within {START_TIMEOUT:.0f} s; see {folder / 'server.log'}")


def _answers(ports: Ports, password: str) -> bool:
    """Whether a query over HTTP succeeds with our password."""
    login = b64encode(f"neo4j:{password}".encode()).decode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{ports.http}/db/neo4j/query/v2",
        data=json.dumps({"statement": "RETURN 1"}).encode(),
        headers={"Authorization": f"Basic {login}", "Content-Type": "application/json"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=10) as answer:
            return bool(200 <= answer.status < 300)
    except (OSError, urllib.error.URLError):
        return False


def _ports(folder: Path) -> Ports:
    """The ports of the last start where they are still ours or free, else new free ones."""
    path = folder / "ports"
    if path.is_file():
        bolt, http = (int(part) for part in path.read_text("utf-8").split())
        if _running(folder) or Ports(bolt, http).free():
            return Ports(bolt, http)
    with socket.socket() as first, socket.socket() as second:
        first.bind(("127.0.0.1", 0))
        second.bind(("127.0.0.1", 0))
        ports = Ports(first.getsockname()[1], second.getsockname()[1])
    path.write_text(f"{ports.bolt} {ports.http}\n", "utf-8")
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _password(folder: Path) -> str:
    path = folder / "password"
    if not path.is_file():
        _write_private(path, secrets.token_urlsafe(18) + "\n")
    return path.read_text("utf-8").strip()


def _write_env(folder: Path, ports: Ports) -> None:
    lines = {
        "ILK_GRAPH__URL": f"bolt://127.0.0.1:{ports.bolt}",
        "ILK_GRAPH__USER": "neo4j",
        "ILK_GRAPH__PASSWORD": _password(folder),
        "ILK_NEO4J_HTTP": f"http://127.0.0.1:{ports.http}",
    }
    _write_private(folder / "env", "".join(f"export {name}={value}\n" for name, value in lines.items()))


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)


def _last_line(folder: Path) -> str:
    log = folder / "server.log"
    lines = log.read_text("utf-8", errors="replace").split("\n") if log.is_file() else []
    errors = [line.strip() for line in lines if "Caused by" in line or "Exception" in line or "rror" in line]
    return (errors or ["no reason in its log"])[-1][:200]


def _short(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def _say(text: str) -> None:
    sys.stderr.write(f"neo4j: {text}\n")


if __name__ == "__main__":
    sys.exit(main())
