"""Whatever the README shows is run."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from service.demo.sample_shop import SampleShop
from tests.conftest import ROOT
from tests.e2e.conftest import Run, trial_environment
from tests.e2e.test_serving import Server

README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"^```(sh|python)\n(.*?)^```", README, flags=re.MULTILINE | re.DOTALL)
ADDRESS = "http://127.0.0.1:8080"


def commands(start: str) -> list[str]:
    """Shell lines of the README that begin with a word; continued lines are joined."""
    shell = "".join(body for language, body in BLOCKS if language == "sh").replace("\\\n", " ")
    return [line for line in shell.splitlines() if line.startswith(start)]


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("readme")
    SampleShop(users=80, variants=2, events_per_user=8).write(folder / "my-shop")
    return folder


@pytest.fixture(scope="module")
def walked(ilk: Run, workplace: Path) -> Path:
    """The commands of the README, in its order, in a fresh folder."""
    lines = [line for line in commands("ilk ") if not line.startswith("ilk serve")]
    assert len(lines) >= 7
    for line in lines:
        done = ilk(*shlex.split(line, comments=True)[1:], cwd=workplace)
        assert done.returncode == 0, (line, done.stderr)
        assert done.stdout.strip(), line
    return workplace


def test_the_commands_work_in_order(walked: Path) -> None:
    assert (walked / ".ilk" / "releases" / "current").is_file()


def test_the_requests_work(walked: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(walked / ".ilk", home)
    server = Server(home)
    address = str(server.client.base_url).rstrip("/")
    try:
        lines = commands("curl ")
        assert len(lines) >= 5
        for line in lines:
            command = [
                "curl",
                "--fail-with-body",
                "--silent",
                *shlex.split(line.replace(ADDRESS, address))[1:],
            ]
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
            assert done.returncode == 0, (line, done.stdout)
            assert done.stdout.startswith("{"), line
        for language, body in BLOCKS:
            if language == "python":
                done = subprocess.run(
                    [sys.executable, "-c", body.replace(ADDRESS, address)],
                    capture_output=True, text=True, check=False, timeout=60, env=trial_environment(),
                )  # fmt: skip
                assert done.returncode == 0, done.stderr
                assert len(done.stdout.splitlines()) == 4
    finally:
        server.stop()


@pytest.mark.parametrize("target", [line.split()[1] for line in commands("make ")])
def test_the_make_targets_exist(target: str) -> None:
    told = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr


def test_the_links_lead_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert len(links) >= 5
    assert [link for link in links if "://" not in link and not (ROOT / link).exists()] == []
