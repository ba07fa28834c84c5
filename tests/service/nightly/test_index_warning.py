"""A search index that misses much is said so wherever somebody looks; the release serves all the same."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from service.cli.command import run
from service.home import Home
from service.intake.load import load
from service.nightly import refresh as module
from service.nightly.refresh import refresh
from service.releases.index_recall import LEAST_RECALL, index_metrics, index_warning
from service.reporter import Reporter
from service.reporting.gate_standing import read_gate_standing
from service.reporting.page import report_page
from service.reporting.report import build_report
from service.status import read_status
from tests.service.conftest import trial_settings


def test_a_low_recall_is_in_report_log_release_and_status(
    shop_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    settings, home, shown = trial_settings(tmp_path / "home"), Home(tmp_path / "home"), StringIO()
    load(shop_folder, settings)
    monkeypatch.setattr(module, "recall_of", lambda index, matrix, queries: 0.967)
    result = refresh(settings, Reporter(Console(file=shown, width=300)))
    told = "the search index finds 96.7% of the nearest items"
    assert result.published
    assert told in shown.getvalue()
    assert told in caplog.text
    assert result.metrics["index"]["warning"].startswith(told)
    assert told in str(read_status(settings, home)["index_warning"])
    assert told in report_page(build_report(home))
    assert read_gate_standing(home).index_recall == 0.967
    assert run(["--home", str(home.root), "status"]) == 0
    out = capsys.readouterr().out
    assert f"warning: {told}" in out
    assert 'set index.kind = "flat"' in out


def test_what_finds_enough_or_was_not_measured_warns_nobody() -> None:
    assert index_metrics("auto", LEAST_RECALL) == {"kind": "auto", "recall@10": LEAST_RECALL}
    assert index_warning({"kind": "hnsw", "recall@10": 0.98})
    for found in (None, {}, {"kind": "flat", "recall@10": 1.0}):
        assert index_warning(found) is None
