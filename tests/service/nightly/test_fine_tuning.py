"""A refresh teaches the text model, its release carries what was taught, later texts are encoded alike."""

from pathlib import Path

import numpy as np
import pytest

from service.errors import BadSettings
from service.home import Home
from service.intake.load import load
from service.nightly.refresh import refresh
from service.nightly.refresh_result import RefreshResult
from service.releases.manifest import read_manifest
from service.releases.release import ADAPTER_NAME
from service.releases.store import ReleaseStore
from service.settings import Settings, load_settings
from service.text_vectors import LazyTextVectors, open_encoders
from tests.service.conftest import TRIAL_FLAGS, quiet


def _settings(home: Path, model: Path | str) -> Settings:
    encoder = {"model": str(model), "fine_tune": {"enabled": True, "steps": 60, "learning_rate": 0.05}}
    return load_settings(home, {**TRIAL_FLAGS, "encoder": encoder})


def _stages(result: RefreshResult) -> dict[str, bool]:
    """Name -> whether it was skipped."""
    return {str(stage["name"]): bool(stage["skipped"]) for stage in result.stages}


@pytest.fixture(scope="module")
def tuned(
    tmp_path_factory: pytest.TempPathFactory, tiny_model: Path, shop_folder: Path
) -> tuple[Settings, RefreshResult]:
    """A home whose release was made with a fine-tuned text model."""
    settings = _settings(tmp_path_factory.mktemp("tuned") / "home", tiny_model)
    load(shop_folder, settings)
    return settings, refresh(settings, quiet())


def test_the_release_carries_what_was_taught(tuned: tuple[Settings, RefreshResult]) -> None:
    settings, result = tuned
    assert result.published
    assert _stages(result)["fine-tune"] is False
    manifest = read_manifest(Home(settings.home).releases / str(result.release))
    record = manifest.config["fine_tuning"]
    assert record["accepted"]
    assert record["all"]["after"] > record["all"]["before"]
    assert manifest.encoder_fingerprint.startswith(record["model"] + ":")
    assert manifest.encoder_fingerprint.endswith(manifest.files[ADAPTER_NAME].sha256[:32])


def test_texts_that_arrive_are_encoded_alike(tuned: tuple[Settings, RefreshResult]) -> None:
    settings, _ = tuned
    home = Home(settings.home)
    release = ReleaseStore(home.releases).open_current()
    vectors = LazyTextVectors(lambda fingerprint: open_encoders(settings, home, fingerprint))
    text = "Alder Classic Espresso Machine. Kitchen Coffee Machines"
    found = vectors.of_item(text, release.manifest.encoder_fingerprint)
    base = release.manifest.config["fine_tuning"]["model"]
    assert not np.allclose(found, open_encoders(settings, home, base).items.encode([text])[0])


def test_nothing_new_is_noticed_and_the_adapter_is_kept_until_the_shop_has_grown(
    tuned: tuple[Settings, RefreshResult], tmp_path: Path
) -> None:
    settings, first = tuned
    again = refresh(settings, quiet())
    assert again.reason == "unchanged"
    assert "fine-tune" not in _stages(again)
    (tmp_path / "items.jsonl").write_text('{"item_id": "new", "title": "A new tent"}\n', "utf-8")
    event = '{"user_id": "someone", "item_id": "new", "timestamp": 1760000000}\n'
    (tmp_path / "events.jsonl").write_text(event, "utf-8")
    load(tmp_path, settings)
    second = refresh(settings, quiet())
    assert _stages(second)["fine-tune"] is True
    releases = Home(settings.home).releases
    before, after = (read_manifest(releases / str(one.release)) for one in (first, second))
    assert before.version != after.version
    assert before.files[ADAPTER_NAME] == after.files[ADAPTER_NAME]
    assert before.encoder_fingerprint == after.encoder_fingerprint


def test_a_model_without_weights_is_refused(tmp_path: Path, shop_folder: Path) -> None:
    settings = _settings(tmp_path / "home", "hashing:64")
    load(shop_folder, settings)
    with pytest.raises(BadSettings, match=r"encoder\.fine_tune needs a text model with weights"):
        refresh(settings, quiet())
