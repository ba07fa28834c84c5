"""Training curves in TensorBoard's own format, read back by TensorBoard's own reader."""

import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gnn.learning_curve import EpochFigures
from service.errors import BadSettings
from service.intake.load import load
from service.nightly.refresh import refresh
from service.nightly.training_curves import tensorboard_log
from tests.service.conftest import quiet, trial_settings


def curves(run: Path) -> dict[str, list[tuple[int, float]]]:
    reader = EventAccumulator(str(run))
    reader.Reload()
    return {tag: [(one.step, one.value) for one in reader.Scalars(tag)] for tag in reader.Tags()["scalars"]}


def test_every_epoch_of_a_refresh_is_written(tmp_path: Path, shop_folder: Path) -> None:
    settings = trial_settings(tmp_path / "home")
    settings = settings.model_copy(
        update={"model": settings.model.model_copy(update={"tensorboard": tmp_path / "curves"})}
    )
    load(shop_folder, settings)
    assert refresh(settings, quiet()).published
    (run,) = (tmp_path / "curves").iterdir()
    found = curves(run)
    assert set(found) == {"embeddings/loss", "embeddings/ndcg@100", "final embeddings/loss"}
    epochs = [epoch for epoch, _ in found["embeddings/loss"]]
    assert epochs == list(range(1, len(epochs) + 1))
    assert all(loss > 0 for _, loss in found["embeddings/loss"])


def test_a_run_that_goes_on_adds_to_its_curve(tmp_path: Path) -> None:
    for epoch in (1, 2):
        with tensorboard_log(tmp_path, "run") as log:
            assert log is not None
            log(EpochFigures("embeddings", epoch, 1.0 / epoch))
    assert curves(tmp_path / "run") == {"embeddings/loss": [(1, 1.0), (2, 0.5)]}


def test_without_a_folder_nothing_is_written_and_nothing_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with tensorboard_log(None, "run") as log:
        assert log is None


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with (
        pytest.raises(BadSettings, match=r"pip install 'ilk\[tensorboard\]'"),
        tensorboard_log(tmp_path, "run"),
    ):
        pass
    assert list(tmp_path.iterdir()) == []
