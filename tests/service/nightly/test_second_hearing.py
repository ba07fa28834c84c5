"""Two releases before the same events: stale ones lose, broken ones stay out, too few decide nothing."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gnn.evaluation.metrics import Values
from gnn.histories import block_start, group_by_user, next_pairs, without_weightless
from gnn.holdout import Holdout
from gnn.shop_arrays import FloatArray
from service.home import Home
from service.intake.load import load
from service.nightly.gate import GateOutcome, GateVerdict, judge
from service.nightly.refresh import refresh
from service.nightly.refresh_result import RefreshResult
from service.nightly.second_hearing import Hearing, _held_out, _learned_from, hear
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


def holdout(gains: FloatArray) -> Holdout:
    return Holdout({"pairs": len(gains)}, gains)


def test_both_are_asked_what_neither_had_seen(shop_folder: Path, tmp_path: Path) -> None:
    home = first_half_then_all(shop_folder, tmp_path)
    serving = ReleaseStore(home.releases).open_current()
    snapshot = snapshot_of(home)
    gains = np.linspace(0, 1, 400).astype(np.float32)
    heard = hear(snapshot, serving, holdout(gains))
    assert heard is not None
    assert 150 <= heard.pairs <= 400
    np.testing.assert_array_equal(heard.new, gains[-heard.pairs :])
    assert 0.05 < heard.serving.mean() < 1
    assert len(np.unique(heard.user)) > 20
    assert hear(snapshot, serving, holdout(gains[:149])) is None
    refresh(trial_settings(home.root), quiet())
    knows_all = ReleaseStore(home.releases).open_current()
    assert hear(snapshot, knows_all, holdout(gains)) is None


def test_the_pairs_are_those_of_the_fit_where_refunds_took_events_away(
    shop_folder: Path, tmp_path: Path
) -> None:
    home = first_half_then_all(shop_folder, tmp_path)
    whole = snapshot_of(home)
    weight = whole.edges.weight.copy()
    weight[::7] = 0.0
    snapshot = replace(whole, edges=replace(whole.edges, weight=weight))
    shop = without_weightless(snapshot.arrays(None))
    start = block_start(shop.n_events)
    query, target, position = next_pairs(group_by_user(shop))
    warm = np.isin(target, shop.item[:start]) & (position >= start)
    _, asked, found, _ = _held_out(*_learned_from(snapshot), start)
    np.testing.assert_array_equal(asked, query[warm])
    np.testing.assert_array_equal(found, target[warm])


def exam(ndcg: float, pairs: int = 500, error: float = 0.05) -> dict[str, float]:
    return {"ndcg@10": ndcg, "popularity_ndcg@10": 0.1, "pairs": pairs, "lift_error": error}


@pytest.fixture(scope="module")
def judged(served_home: tuple[Path, RefreshResult]) -> Callable[..., GateVerdict]:
    """`judge` with a sound model: figures, what serves, what the second hearing says."""
    release = ReleaseStore(served_home[0] / "releases").open_current()

    def verdict(
        figures: dict[str, float], before: dict[str, float], heard: Hearing | None = None
    ) -> GateVerdict:
        whole = {"coverage": 1.0, **before}
        return judge(release.model, release.items.alive, figures, GateSettings(), whole, lambda: heard)

    return verdict


def gains(mean: float, pairs: int, seed: int) -> Values:
    """Gains as they are: most 0, some 0.3 to 1."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(pairs) < mean / 0.65, rng.uniform(0.3, 1.0, pairs), 0.0)


def heard_at(serving: float, new: float, pairs: int, seed: int) -> Hearing:
    """Both on the same pairs; half of the gains are the same, as of models that resemble each other."""
    shared, apart = gains(serving, pairs, seed), gains(new, pairs, seed + 1000)
    same = np.random.default_rng(seed + 2000).random(pairs) < 0.5
    ours = np.where(same, shared * (new / serving), apart)
    return Hearing(ours, shared, np.arange(pairs) // 3)


EASY_WEEK = {"lift": 45.0, "lift_error": 0.05}
"""Popularity was easy to beat when the serving release was judged."""


def test_the_same_events_decide_where_the_lift_fell(judged: Callable[..., GateVerdict]) -> None:
    assert judged(exam(0.12), EASY_WEEK).outcome is GateOutcome.WORSE
    better = judged(exam(0.12), EASY_WEEK, heard_at(0.1, 0.2, 150, 0))
    assert better.passed
    assert better.outcome is GateOutcome.NO_WORSE
    assert "neither had seen" in better.reason
    assert better.figures["lift"] == pytest.approx(1.2)
    worse = judged(exam(0.12), EASY_WEEK, heard_at(0.2, 0.1, 2400, 0))
    assert (worse.passed, worse.outcome) == (False, GateOutcome.WORSE)
    assert worse.figures["serving_ndcg@10"] == pytest.approx(0.2, rel=0.1)


def test_what_is_not_sure_is_no_reason_to_reject_but_never_becomes_the_measure(
    judged: Callable[..., GateVerdict],
) -> None:
    ours, theirs = np.zeros(200), np.zeros(200)
    theirs[:10] = 1.0
    ours[3:10] = 1.0  # 30 % less, by three hits
    unsure = judged(exam(0.12), EASY_WEEK, Hearing(ours, theirs, np.arange(200)))
    assert (unsure.passed, unsure.outcome) == (True, GateOutcome.INCONCLUSIVE)
    assert "inconclusive" in unsure.reason
    assert unsure.figures["lift"] == 45.0
    assert unsure.figures["own_lift"] == pytest.approx(1.2)
    far = np.zeros(200)
    far[6:10] = 1.0  # 60 % less, by six
    theirs[:10] = 0.35
    theirs[0] = 1.0
    lots = Hearing(far * 0.35, theirs, np.arange(200) // 25)  # of eight shoppers
    held = judged(exam(0.12), EASY_WEEK, lots)
    assert held.outcome is GateOutcome.INCONCLUSIVE
    assert not held.passed
    assert "max_unsure_drop" in held.reason


def test_losses_that_are_not_sure_do_not_add_up_night_after_night(
    judged: Callable[..., GateVerdict],
) -> None:
    """Every other night loses 38 % on too few pairs to be sure, the others as much as they do."""
    before: dict[str, float] = {"lift": 3.0, "lift_error": 0.05}
    quality, published = 0.1, 0
    for night in range(8):
        new = quality * (0.62 if night % 2 == 0 else 1.0)
        theirs = np.where(np.arange(200) < 20, quality * 10, 0.0)
        ours = np.where(np.arange(200) < round(20 * new / quality), quality * 10, 0.0)
        verdict = judged(exam(new, error=0.05), before, Hearing(ours, theirs, np.arange(200) // 10))
        if verdict.passed:
            quality, published = new, published + 1
            before = {name: value for name, value in verdict.figures.items() if name != "coverage"}
    assert quality >= 0.1 * (1 - GateSettings().max_unsure_drop)
    assert published < 8


def test_a_night_of_few_events_hands_on_what_the_next_is_measured_by(
    judged: Callable[..., GateVerdict],
) -> None:
    thin = judged(exam(0.3, pairs=140), {"lift": 3.0, "lift_error": 0.05})
    assert (thin.passed, thin.outcome) == (True, GateOutcome.NOT_COMPARED)
    after = judged(exam(0.0, pairs=5000), {name: thin.figures[name] for name in ("lift", "lift_error")})
    assert (after.passed, after.outcome) == (False, GateOutcome.WORSE)


def test_two_exams_of_the_same_events_need_a_sure_fall_too(judged: Callable[..., GateVerdict]) -> None:
    before = {"lift": 2.0, "lift_error": 0.05}
    assert judged(exam(0.17), before).outcome is GateOutcome.NO_WORSE
    assert judged(exam(0.10), before).outcome is GateOutcome.WORSE
    assert judged(exam(0.0, error=1.0), before).outcome is GateOutcome.WORSE
    unsure = judged(exam(0.14, error=0.3), {"lift": 2.0, "lift_error": 0.3})
    assert (unsure.passed, unsure.outcome) == (True, GateOutcome.INCONCLUSIVE)
    older_make = judged(exam(0.10), {"lift": 2.0})
    assert older_make.outcome is GateOutcome.WORSE


@pytest.mark.parametrize("pairs", [150, 600, 2400])
def test_equal_models_are_hardly_ever_rejected_and_a_loss_of_half_is_caught(
    judged: Callable[..., GateVerdict], pairs: int
) -> None:
    def outcomes(new: float) -> list[GateVerdict]:
        return [judged(exam(0.12), EASY_WEEK, heard_at(0.1, new, pairs, seed)) for seed in range(40)]

    equal = outcomes(0.1)
    assert sum(one.outcome is GateOutcome.WORSE for one in equal) <= 1
    assert sum(not one.passed for one in equal) <= 4
    sabotaged = outcomes(0.03)
    assert sum(one.passed for one in sabotaged) <= (8 if pairs == 150 else 0)
    if pairs == 2400:
        assert sum(one.outcome is GateOutcome.WORSE for one in outcomes(0.06)) >= 30
