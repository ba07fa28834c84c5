"""A search over settings: the defaults come first, it resumes, and writes what settings can read."""

import tomllib
from pathlib import Path

import pytest
from rich.console import Console

from service.demo.sample_shop import SampleShop
from service.errors import CallerMistake
from service.evaluating.tune import SPACE, TuneRequest, TuneResult, tune
from service.model_config import model_config
from service.reporter import Reporter
from service.settings import ModelSettings, Settings, load_settings

pytest.importorskip("optuna", reason="needs the extra `tune`")

QUICK = {"training": {"min_epochs": 1, "max_epochs": 1}}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    SampleShop(users=60, variants=3).write(folder)
    return folder


def quick_settings(home: Path) -> Settings:
    return load_settings(home, {"encoder": {"model": "hashing:32"}, "model": {"options": QUICK}})


def test_a_search_goes_on_where_it_stopped(shop: Path, tmp_path: Path) -> None:
    settings, reporter = quick_settings(tmp_path / "home"), Reporter(Console(quiet=True))
    first = tune(TuneRequest(shop, minutes=5, trials=2), settings, reporter)
    assert first.trials == 2
    assert first.gain >= 1.0  # the defaults are the first trial
    second = tune(TuneRequest(shop, minutes=5, trials=3), settings, reporter)
    assert second.trials == 3
    assert second.gain >= first.gain
    nothing_left = tune(TuneRequest(shop, minutes=5, trials=3), settings, reporter)
    assert nothing_left == second


def test_the_fragment_is_read_by_the_settings() -> None:
    middle = {name: (low + high) / 2 for name, (low, high) in SPACE.items()}
    options = tomllib.loads(TuneResult(4, middle, 1.1).fragment())["model"]["options"]
    config = model_config(ModelSettings(options=options))
    assert config.text.whitening == pytest.approx(middle["text.whitening"])
    assert config.user_mix["trend_days"] == pytest.approx(middle["user_mix.trend_days"])
    assert tomllib.loads(TuneResult(4, {}, 1.0).fragment()) == {}


def test_a_shop_without_validation_is_refused(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,title\na,A\nb,B\n")
    (tmp_path / "events.csv").write_text("user_id,item_id,timestamp\nu,a,1700000000\nu,b,1700000100\n")
    with pytest.raises(CallerMistake, match="too few events"):
        tune(TuneRequest(tmp_path), quick_settings(tmp_path / "home"), Reporter(Console(quiet=True)))
