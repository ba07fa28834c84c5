"""Run the real `ilk` command as people do."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from service.demo.sample_shop import SampleShop

Run = Callable[..., subprocess.CompletedProcess[str]]
TRIAL_ENVIRONMENT = {
    "ILK_ENCODER__MODEL": "hashing:64",
    "ILK_MODEL__OPTIONS": '{"training": {"max_epochs": 2}}',
    "ILK_DEMO_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "COLUMNS": "200",
}


def trial_environment() -> dict[str, str]:
    """The environment without any of the caller's Ilk settings, with quick ones for trials."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ILK_")}
    return inherited | TRIAL_ENVIRONMENT


@pytest.fixture(scope="session")
def ilk() -> Run:
    """Call `ilk` with arguments; returns the finished process."""

    def run(
        *args: object,
        cwd: Path | None = None,
        timeout: float = 300,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).with_name("ilk")), *map(str, args)],
            env=trial_environment() | dict(environment or {}),
            cwd=cwd,
            timeout=timeout,
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="session")
def small_shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of a small made-up shop."""
    folder = tmp_path_factory.mktemp("files") / "shop"
    SampleShop(users=80, variants=2, events_per_user=8).write(folder)
    return folder


@pytest.fixture(scope="session")
def small_home(ilk: Run, small_shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a published release; tests must not write to it."""
    home = tmp_path_factory.mktemp("home") / "home"
    for command in (("load", small_shop), ("refresh",)):
        done = ilk("--home", home, *command)
        assert done.returncode == 0, done.stderr
    return home
