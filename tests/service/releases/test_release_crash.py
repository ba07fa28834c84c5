"""kill -9 while releases are written and switched: a whole release is always current."""

import random
import subprocess
import sys
from pathlib import Path

from service.releases.manifest import read_manifest
from service.releases.writer import TEMPORARY_PREFIX
from tests.conftest import ROOT
from tests.service.release_toys import ToyShop, publish, toy_store

KILLS = 12


def test_kill_9_at_random_points(tmp_path: Path) -> None:
    rng = random.Random(7)
    waits = [str(rng.uniform(0, 0.2)) for _ in range(KILLS)]
    command = [sys.executable, "-m", "tests.service.release_crasher", str(tmp_path), *waits]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    told = [int(line) for line in done.stdout.split()]
    assert len(told) == KILLS
    assert list(tmp_path.glob(f"*/{TEMPORARY_PREFIX}*")), "no kill came in the middle of a write"
    for number, last in enumerate(told):
        check_after_kill(tmp_path / str(number), last)


def check_after_kill(root: Path, told: int) -> None:
    store = toy_store(root)
    opened = store.open_newest_valid()
    assert opened.fallback_reason is None
    assert opened.release.manifest.events_through in (told, told + 1)
    for version in store.versions():
        store.open(version)  # whatever has a version's name is whole
    publish(store, ToyShop(), 99_999)
    assert store.open_current().manifest.events_through == 99_999
    assert not list(root.glob(f"{TEMPORARY_PREFIX}*"))
    assert read_manifest(root / store.versions()[0]).parent == opened.release.version
