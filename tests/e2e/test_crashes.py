"""kill -9 at random points: a rerun completes, nothing is lost or doubled, the result is undisturbed."""

import json
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from service.demo.sample_shop import SampleShop
from tests.e2e.conftest import Run, trial_environment

pytestmark = pytest.mark.slow

KILLS = 12


@dataclass(frozen=True)
class Undisturbed:
    """A home that nobody killed, and how long its commands took."""

    home: Path
    load_seconds: float
    refresh_seconds: float


def killed_after(seconds: float, *args: object) -> bool:
    """Run `ilk` and kill it with SIGKILL after so many seconds; False when it was faster."""
    command: Sequence[str] = [str(Path(sys.executable).with_name("ilk")), *map(str, args)]
    process = subprocess.Popen(
        command, env=trial_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
        return True
    return False


def kill_often(times: int, seconds: float, *args: object) -> int:
    """Kill a command at random moments; one that gets through tells how long it takes. Returns how often
    it was killed (at most three tries for each)."""
    rng = random.Random(20)
    killed = 0
    for _ in range(3 * times):
        started = time.monotonic()
        if killed_after(rng.uniform(0.15, 0.9) * seconds, *args):
            killed += 1
        else:
            seconds = min(seconds, time.monotonic() - started)
        if killed == times:
            break
    return killed


def seconds_of(ilk: Run, *args: object) -> float:
    started = time.monotonic()
    done = ilk(*args)
    assert done.returncode == 0, done.stderr
    return time.monotonic() - started


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("crash") / "shop"
    SampleShop(users=2500, variants=3, events_per_user=16).write(folder)
    return folder


@pytest.fixture(scope="module")
def undisturbed(ilk: Run, shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    home = tmp_path_factory.mktemp("undisturbed") / "home"
    loading = seconds_of(ilk, "--home", home, "load", shop)
    return Undisturbed(home, loading, seconds_of(ilk, "--home", home, "refresh"))


def status(ilk: Run, home: object) -> dict[str, object]:
    told: dict[str, object] = json.loads(ilk("--home", home, "status", "--json", "-").stdout)
    return told


def test_load_and_refresh_survive_kills(
    ilk: Run, shop: Path, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    assert kill_often(KILLS, undisturbed.load_seconds, "--home", home, "load", shop) >= KILLS
    assert ilk("--home", home, "load", shop).returncode == 0
    assert kill_often(KILLS, undisturbed.refresh_seconds, "--home", home, "refresh") >= KILLS
    assert ilk("--home", home, "refresh").returncode == 0
    ours, theirs = status(ilk, home), status(ilk, undisturbed.home)
    for name in (
        "items",
        "users",
        "events",
        "categories",
        "sequence",
        "applied_sequence",
        "visible_sequence",
    ):
        assert ours[name] == theirs[name], name
    assert _neighbours(ilk, home) == _neighbours(ilk, undisturbed.home)
    leftovers = [path.name for path in (home / "releases").iterdir() if path.name.startswith(".writing-")]
    assert not leftovers


def _neighbours(ilk: Run, home: object) -> list[list[str]]:
    found = []
    for item_id in ("S0000", "S0050", "S0100"):
        answer = json.loads(ilk("--home", home, "similar", item_id, "--json", "-").stdout)
        found.append([row["item_id"] for row in answer["results"]])
    return found
