"""A small made-up shop, loaded and learned once."""

from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from service.demo.sample_shop import SampleShop
from service.intake.load import load
from service.nightly.refresh import refresh
from service.nightly.refresh_result import RefreshResult
from service.reporter import Reporter
from service.settings import Settings, load_settings

SMALL_SHOP = SampleShop(users=200, variants=3, events_per_user=12)
TRIAL_FLAGS: dict[str, Any] = {
    "encoder": {"model": "hashing:64"},
    "model": {"options": {"training": {"max_epochs": 2}}},
}


def trial_settings(home: Path) -> Settings:
    """Settings that learn in seconds and need no weights."""
    return load_settings(home, TRIAL_FLAGS)


def quiet() -> Reporter:
    """Collects stages, shows nothing."""
    return Reporter(Console(quiet=True))


@pytest.fixture(scope="session")
def shop_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files of a small shop."""
    folder = tmp_path_factory.mktemp("shop")
    SMALL_SHOP.write(folder)
    return folder


@pytest.fixture(scope="session")
def served_home(tmp_path_factory: pytest.TempPathFactory, shop_folder: Path) -> tuple[Path, RefreshResult]:
    """A home with a published release; tests must not write to it."""
    home = tmp_path_factory.mktemp("served") / "home"
    settings = trial_settings(home)
    load(shop_folder, settings)
    return home, refresh(settings, quiet())
