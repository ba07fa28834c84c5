"""A refresh that is killed in any stage goes on where it was, and ends as if nothing had happened."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from service.intake.load import load
from tests.e2e.conftest import trial_environment
from tests.service.conftest import SMALL_SHOP, trial_settings

pytestmark = pytest.mark.slow

STAGES = ("export", "encode", "train", "judge", "index", "write", "audit", "publish")


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Outcome of every refresh; see `refresh_killer`."""
    folder = tmp_path_factory.mktemp("kills")
    SMALL_SHOP.write(folder / "shop")
    load(folder / "shop", trial_settings(folder / "home"))
    (folder / "copies").mkdir()
    done = subprocess.run(
        [sys.executable, "-m", "tests.service.refresh_killer", folder / "home", folder / "copies"],
        cwd=Path(__file__).parents[3],
        env=trial_environment(),
        capture_output=True,
        text=True,
        check=False,
        timeout=550,
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_stage_was_killed(walked: list[dict[str, Any]]) -> None:
    _, *killed, everywhere = walked
    for stage in STAGES:
        assert {stage, f"{stage} soon"} <= {one["moment"] for one in killed}
    exactly = [one for one in killed if not one["moment"].endswith(" soon")]
    assert {one["death"] for one in exactly} == {-signal.SIGKILL, 130}
    assert everywhere["death"] == [-signal.SIGKILL] * 11


def test_the_result_is_that_of_an_undisturbed_run(walked: list[dict[str, Any]]) -> None:
    whole, *killed = walked
    for one in killed:
        for name in ("release", "files", "gate"):
            assert one[name] == whole[name], one["moment"]
        assert one["left"] == [], one["moment"]


def test_what_was_done_is_not_done_again(walked: list[dict[str, Any]]) -> None:
    after = {one["moment"]: one for one in walked}
    resumed = after["train: embeddings 3"]["moments"]
    assert "train: embeddings 3" not in resumed  # that epoch was kept before it was told
    assert "train: embeddings 4" in resumed
    second_pass = after["train: final embeddings 2"]["moments"]
    assert not any(moment.startswith(("train: embeddings", "train: mix")) for moment in second_pass)
    for moment in ("judge", "index", "write"):
        assert after[moment]["skipped"] == ["encode", "train"]
    assert [m for m in after["audit"]["moments"] if " " not in m] == ["export", "audit", "publish"]
    assert [m for m in after["publish"]["moments"] if " " not in m] == ["export", "publish"]
    assert after["publish over"]["reason"] == "unchanged"
