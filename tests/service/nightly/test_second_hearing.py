"""Two releases before the same events: stale ones lose, broken ones stay out, too few decide nothing."""

from pathlib import Path

from service.home import Home
from service.intake.load import load
from service.nightly.gate import GateVerdict, judge
from service.nightly.refresh import RefreshResult, refresh
from service.nightly.second_hearing import Hearing, hear
from service.releases.store import ReleaseStore
from service.settings import GateSettings
from service.shop_snapshot import ShopSnapshot, take_snapshot
from service.stores import closing_both, open_store
from tests.service.conftest import quiet, trial_settings


def snapshot_of(home: Home) -> ShopSnapshot:
    store = open_store(trial_settings(home.root), home)
    with closing_both(store):
        return take_snapshot(store)


def first_half_then_all(shop_folder: Path, tmp_path: Path) -> Home:
    """A home whose serving release knows the older 60 % of the events; all are loaded."""
    lines = (shop_folder / "events.jsonl").read_text("utf-8").splitlines(keepends=True)
    old = tmp_path / "old"
    old.mkdir()
    (old / "items.jsonl").write_bytes((shop_folder / "items.jsonl").read_bytes())
    (old / "events.jsonl").write_text("".join(lines[: int(len(lines) * 0.6)]), "utf-8")
    settings = trial_settings(tmp_path / "home")
    load(old, settings)
    assert refresh(settings, quiet()).published
    load(shop_folder, settings)
    return Home(settings.home)


def test_both_are_asked_what_neither_had_seen(shop_folder: Path, tmp_path: Path) -> None:
    home = first_half_then_all(shop_folder, tmp_path)
    serving = ReleaseStore(home.releases).open_current()
    snapshot = snapshot_of(home)
    heard = hear(snapshot, serving, {"newest150_ndcg@10": 0.5, "newest300_ndcg@10": 0.4})
    assert heard is not None
    assert heard.pairs in (150, 300)
    assert heard.new == {150: 0.5, 300: 0.4}[heard.pairs]
    assert 0.05 < heard.serving < 1
    assert hear(snapshot, serving, {}) is None
    refresh(trial_settings(home.root), quiet())
    knows_all = ReleaseStore(home.releases).open_current()
    assert hear(snapshot, knows_all, {"newest150_ndcg@10": 0.5}) is None


def test_the_same_events_decide_where_the_lift_fell(served_home: tuple[Path, RefreshResult]) -> None:
    release = ReleaseStore(served_home[0] / "releases").open_current()
    figures = {"ndcg@10": 0.12, "popularity_ndcg@10": 0.1, "pairs": 500, "newest150_ndcg@10": 0.2}

    def verdict(heard: Hearing | None) -> GateVerdict:
        before = {"coverage": 1.0, "lift": 45.0}  # a week in which popularity was easy to beat
        return judge(release.model, release.items.alive, figures, GateSettings(), before, lambda: heard)

    assert not verdict(None).passed
    better = verdict(Hearing(150, serving=0.01, new=0.2))
    assert better.passed
    assert "neither had seen" in better.reason
    assert better.figures["serving_ndcg@10"] == 0.01
    assert "newest150_ndcg@10" not in better.figures
    assert verdict(Hearing(150, serving=0.2, new=0.17)).passed
    assert not verdict(Hearing(150, serving=0.2, new=0.15)).passed
