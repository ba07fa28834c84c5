"""The demo: one command from a shop's files to neighbours, on given files and on the made-up shop."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from service.demo.demo import SOURCE_NAME, refuse_demos_home
from service.errors import CallerMistake
from service.home import Home
from tests.e2e.conftest import Run, trial_environment
from tests.e2e.test_serving import quiet_end

STEPS = ("The shop", "1. Load", "2. Refresh", "3. Evaluate", "4. Similar items")
STAGES = ("load", "export", "encode", "train", "judge", "index", "write", "publish")


def test_the_demo_tells_what_happened(ilk: Run, small_shop: Path, tmp_path: Path) -> None:
    done = ilk("--home", tmp_path / "home", "demo", "--data", small_shop, "--no-serve", timeout=600)
    assert done.returncode == 0, done.stderr
    places = [done.stdout.index(step) for step in STEPS]
    assert places == sorted(places)
    for stage in STAGES:
        assert f"\n  {stage} " in done.stdout, stage
    for model in ("ilk", "popularity", "item-knn"):
        assert f"\n {model} " in done.stdout
    assert done.stdout.count("events through") == 3


def test_the_demo_serves_at_the_end_and_ends_quietly(
    small_home: Path, small_shop: Path, tmp_path: Path
) -> None:
    home, log = tmp_path / "home", tmp_path / "demo.log"
    shutil.copytree(small_home, home)
    (home / SOURCE_NAME).write_text(f"{small_shop.resolve()}\n", "utf-8")
    command = [
        str(Path(sys.executable).with_name("ilk")),
        "--home",
        str(home),
        "demo",
        "--data",
        str(small_shop),
    ]
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            command,
            env=trial_environment() | {"ILK_SERVE__PORT": "0"},
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    deadline = time.monotonic() + 600
    while "following release" not in log.read_text("utf-8"):
        assert process.poll() is None, log.read_text("utf-8")
        assert time.monotonic() < deadline, log.read_text("utf-8")
        time.sleep(0.2)
    told = log.read_text("utf-8")
    assert "nothing new" in told
    address = re.search(r"serving\s+(http://\S+)", told)
    assert address is not None
    assert httpx.get(f"{address[1]}/v1/status", timeout=30).json()["items"] == 80
    libraries = Path(f"/proc/{process.pid}/maps")
    if libraries.exists():  # what serves holds none of the libraries that learned
        assert "libtorch" not in libraries.read_text("utf-8")
    os.killpg(process.pid, signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    quiet_end(log.read_text("utf-8"))


def test_the_demo_does_not_mix_shops(ilk: Run, small_home: Path, small_shop: Path) -> None:
    done = ilk("--home", small_home, "demo", "--data", small_shop, "--no-serve")
    assert done.returncode == 2
    assert "--home" in done.stderr


@pytest.mark.parametrize("moved", [False, True])
def test_a_shop_is_not_loaded_into_the_home_of_a_shop_that_the_demo_brought(
    ilk: Run, small_shop: Path, tmp_path: Path, moved: bool
) -> None:
    """Who tried the demo first has its shop in `.ilk`."""
    home = Home(tmp_path / "home")
    brought = home.root / "sample-shop"
    brought.mkdir(parents=True)
    noted = tmp_path / "before" / "sample-shop" if moved else brought.resolve()
    (home.root / SOURCE_NAME).write_text(f"{noted}\n", "utf-8")
    with pytest.raises(CallerMistake, match=r"holds the demo's shop .*; give yours a home of its own"):
        refuse_demos_home(home, small_shop)
    if not moved:
        assert ilk("--home", home.root, "load", small_shop).returncode == 2
        assert not home.event_log.exists()
    for part in (brought, brought / "events.jsonl"):
        refuse_demos_home(home, part)
    (home.root / SOURCE_NAME).unlink()
    refuse_demos_home(home, small_shop)


def test_more_is_loaded_into_the_home_of_a_shop_that_was_given_to_the_demo(
    ilk: Run, small_shop: Path, tmp_path: Path
) -> None:
    """`load` may be repeated and adds: by files, by parts, from another folder."""
    home = tmp_path / "home"
    home.mkdir()
    given = tmp_path / "online-retail"  # as one of ours is called
    (home / SOURCE_NAME).write_text(f"{given}\n", "utf-8")
    tomorrow = tmp_path / "tomorrow.csv"
    tomorrow.write_text("user_id,item_id,timestamp\nu,i,1700000000\n", "utf-8")
    done = ilk("--home", home, "load", tomorrow)
    assert done.returncode == 0, done.stderr
    assert ilk("--home", home, "load", small_shop).returncode == 0


def test_without_network_a_shop_is_made_up(ilk: Run, tmp_path: Path) -> None:
    done = ilk("--home", tmp_path / "home", "demo", "--no-serve", timeout=600)
    assert done.returncode == 0, done.stderr
    assert "a made-up shop (no real data)" in done.stdout
