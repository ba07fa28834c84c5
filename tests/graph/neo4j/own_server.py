"""A server that a test may kill: its own folder, ports and data, started by the project's own scripts."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from graph.neo4j_connection import Neo4jAddress

ROOT = Path(__file__).resolve().parents[3]
SCRIPT = ROOT / "deploy" / "neo4j" / "server.py"


class OwnServer:
    """Started when made; the jars are those of `make neo4j`."""

    def __init__(self, folder: Path, version: str = "auto") -> None:
        """folder: where its data, log and password lie."""
        self._folder = folder
        self._version = version
        self.start()

    @property
    def address(self) -> Neo4jAddress:
        """Where it answers; the same after every start."""
        lines = (self._folder / "env").read_text("utf-8").splitlines()
        values = dict(line.removeprefix("export ").split("=", 1) for line in lines)
        return Neo4jAddress(values["ILK_GRAPH__URL"], "neo4j", values["ILK_GRAPH__PASSWORD"])

    def start(self) -> None:
        """Start it; the test is skipped loudly where Java or Maven is missing."""
        done = self._script("start", "--version", self._version, "--runner", "maven", "--heap", "512m")
        if done.returncode:
            pytest.skip(f"NO NEO4J OF OUR OWN: {done.stderr.strip().splitlines()[-1]}")

    def stop(self) -> None:
        """End it in an orderly way."""
        self._script("stop")

    def kill(self) -> None:
        """End it as a power cut would."""
        os.kill(int((self._folder / "pid").read_text("utf-8")), signal.SIGKILL)

    def _script(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        folders = ["--folder", str(self._folder), "--jars", str(ROOT / ".neo4j" / "jars")]
        return subprocess.run(
            [sys.executable, str(SCRIPT), *arguments, *folders], capture_output=True, text=True, check=False
        )
