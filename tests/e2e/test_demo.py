"""The demo: one command from a shop's files to neighbours, on given files and on the made-up shop."""

from pathlib import Path

from tests.e2e.conftest import Run

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
    again = ilk("--home", tmp_path / "home", "demo", "--data", small_shop, "--no-serve", timeout=600)
    assert again.returncode == 0, again.stderr
    assert "nothing new" in again.stdout


def test_the_demo_does_not_mix_shops(ilk: Run, small_home: Path, small_shop: Path) -> None:
    done = ilk("--home", small_home, "demo", "--data", small_shop, "--no-serve")
    assert done.returncode == 2
    assert "--home" in done.stderr


def test_without_network_a_shop_is_made_up(ilk: Run, tmp_path: Path) -> None:
    done = ilk("--home", tmp_path / "home", "demo", "--no-serve", timeout=600)
    assert done.returncode == 0, done.stderr
    assert "a made-up shop (no real data)" in done.stdout
