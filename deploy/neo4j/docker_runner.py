"""Neo4j in a container, where a Docker engine answers."""

import os
import secrets
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import maven_runner
from failure import ServerFailure
from server_settings import memory_settings, privacy_settings


@dataclass(frozen=True)
class Plan:
    """What will run."""

    version: str

    @property
    def image(self) -> str:
        """Docker image of that version's Community edition."""
        return f"neo4j:{self.version}-community"

    @property
    def how(self) -> str:
        """For people: how it is run."""
        return f"Docker image {self.image}"


def plan(version: str, jars: Path) -> Plan:
    """Choose the version; `jars` are of no use here."""
    del jars
    return Plan(maven_runner.profile_version(version))


def engine_answers() -> bool:
    """Whether there is a Docker client whose engine answers: the client alone is no use."""
    return shutil.which("docker") is not None and _docker("info", timeout=10).returncode == 0


def launch(
    plan: Plan, folder: Path, home: Path, bolt_port: int, http_port: int, password: str, heap: str
) -> None:
    """Start the container in the background; its name goes to `container`."""
    name = f"ilk-neo4j-{secrets.token_hex(4)}"
    advertised = {
        "server.bolt.advertised_address": f"127.0.0.1:{bolt_port}",
        "server.http.advertised_address": f"127.0.0.1:{http_port}",
        "server.memory.heap.max_size": heap,
    }
    command = ["run", "--detach", "--name", name]
    command += ["--user", f"{os.getuid()}:{os.getgid()}", "--volume", f"{home}:/data"]
    command += ["--publish", f"127.0.0.1:{bolt_port}:7687", "--publish", f"127.0.0.1:{http_port}:7474"]
    for setting, value in {**advertised, **memory_settings(), **privacy_settings()}.items():
        command += ["--env", f"NEO4J_{setting.replace('_', '__').replace('.', '_')}={value}"]
    # the value comes from our environment: arguments are visible to every user of the machine
    done = _docker(*command, "--env", "NEO4J_AUTH", plan.image, timeout=600, auth=f"neo4j/{password}")
    if done.returncode:
        raise ServerFailure(f"Docker could not start {plan.image}: {done.stderr.strip()[-200:]}")
    (folder / "container").write_text(f"{name}\n", "utf-8")


def running(folder: Path) -> bool:
    """Whether this folder's container runs."""
    name = _name(folder)
    return name is not None and _docker("inspect", "-f", "{{.State.Running}}", name).stdout.strip() == "true"


def stop(folder: Path) -> bool:
    """Stop and remove this folder's container; returns whether there was one."""
    name = _name(folder)
    if name is None:
        return False
    _docker("stop", "--time", "60", name, timeout=90)
    _docker("rm", "--force", name)
    (folder / "container").unlink(missing_ok=True)
    return True


def _name(folder: Path) -> str | None:
    path = folder / "container"
    return path.read_text("utf-8").strip() if path.is_file() else None


def _docker(*arguments: str, timeout: float = 30, auth: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **({"NEO4J_AUTH": auth} if auth else {})}
    command = ["docker", *arguments]
    try:
        return subprocess.run(  # noqa: S603 - our own words, no shell
            command, capture_output=True, text=True, check=False, timeout=timeout, env=environment
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return subprocess.CompletedProcess(command, 1, "", str(error))
