"""Which events a release learns from: every rule, counted; without rules nothing changes."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graph.store import EdgeBlock
from service.edge_selection import DAY, root_categories, select_edges
from service.intake.load import load
from service.nightly.refresh import refresh
from service.settings import SelectionSettings
from service.shop_snapshot import ShopSnapshot
from tests.service.conftest import quiet, trial_settings

Row = tuple[int, int, float]
"""(user, item, day)"""


def snapshot(rows: list[Row], categories: dict[int, int] | None = None) -> ShopSnapshot:
    """A shop of 5 items; categories 0 > 2, 1, by item."""
    ordered = sorted(rows, key=lambda row: row[2])
    n = len(ordered)
    pairs = sorted((categories or {}).items())
    return ShopSnapshot(
        items=pl.DataFrame({"item_id": list("abcde"), "alive": [True] * 5}),
        user_ids=list("uvwxy"),
        edges=EdgeBlock(
            seq=np.arange(1, n + 1),
            user=np.array([row[0] for row in ordered], np.int64),
            item=np.array([row[1] for row in ordered], np.int64),
            relation=np.zeros(n, np.int8),
            at=np.array([int(row[2] * DAY) for row in ordered], np.int64),
            weight=np.ones(n, np.float32),
            rating=np.full(n, np.nan, np.float32),
        ),
        item_category=np.array(pairs, np.int64).reshape(-1, 2),
        category_parent=np.array([-1, -1, 0]),
        events_through=n,
    )


def test_without_rules_everything_stays() -> None:
    before = snapshot([(0, 0, 0), (0, 1, 900)])
    after, report = select_edges(before, SelectionSettings())
    assert after is before
    assert report.to_json() == {"edges": 2, "kept": 2, "left_out": {}, "decayed": 0}


def test_a_window_counts_from_the_newest_event() -> None:
    after, report = select_edges(
        snapshot([(0, 0, 0), (0, 1, 10), (1, 1, 19.5), (1, 2, 20)]), SelectionSettings(window_days=10)
    )
    assert after.edges.seq.tolist() == [3, 4]
    assert report.left_out == {"window": 2}


def test_support_of_items_then_of_users() -> None:
    rows: list[Row] = [(0, 0, 1), (1, 0, 2), (1, 1, 3), (2, 2, 4), (2, 2, 5)]
    wanted = SelectionSettings(min_item_events=2, min_user_events=2)
    after, report = select_edges(snapshot(rows), wanted)
    assert after.edges.item.tolist() == [2, 2]
    assert report.left_out == {"item_support": 1, "user_support": 2}
    assert (report.edges, report.kept) == (5, 2)


def test_a_busy_user_keeps_the_newest() -> None:
    rows: list[Row] = [(0, item, item) for item in range(5)] + [(1, 0, 0.5)]
    after, report = select_edges(snapshot(rows), SelectionSettings(max_user_events=2))
    assert [*zip(after.edges.user.tolist(), after.edges.item.tolist(), strict=True)] == [
        (1, 0),
        (0, 3),
        (0, 4),
    ]
    assert report.left_out == {"user_cap": 3}


def test_one_category_does_not_drown_the_others() -> None:
    rows: list[Row] = [(0, 0, day) for day in range(8)] + [(1, 1, 1.5), (1, 4, 2.5)]
    before = snapshot(rows, {0: 2, 1: 1})
    assert root_categories(before).tolist() == [0, 1, -1, -1, -1]
    after, report = select_edges(before, SelectionSettings(max_category_share=0.3))
    assert report.left_out == {"category_balance": 5}
    assert np.bincount(after.edges.item).tolist() == [3, 1, 0, 0, 1]
    assert after.edges.at[after.edges.item == 0].tolist() == [5 * DAY, 6 * DAY, 7 * DAY]


def test_age_halves_the_weight() -> None:
    after, report = select_edges(
        snapshot([(0, 0, 0), (0, 1, 10), (0, 2, 20)]), SelectionSettings(half_life_days=10)
    )
    np.testing.assert_allclose(after.edges.weight, [0.25, 0.5, 1.0])
    assert (report.kept, report.decayed, report.left_out) == (3, 2, {})


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 50)), max_size=40),
    st.builds(
        SelectionSettings,
        window_days=st.none() | st.integers(1, 60),
        min_item_events=st.integers(1, 3),
        min_user_events=st.integers(1, 3),
        max_user_events=st.none() | st.integers(1, 5),
        max_category_share=st.none() | st.floats(0.05, 1),
    ),
)
def test_every_edge_is_kept_or_counted(rows: list[Row], wanted: SelectionSettings) -> None:
    after, report = select_edges(snapshot(rows, {0: 2, 1: 1, 2: 0}), wanted)
    assert report.kept + sum(report.left_out.values()) == report.edges == len(rows)
    assert len(after.edges.seq) == report.kept
    assert (np.diff(after.edges.seq) > 0).all()
    if wanted.max_user_events is not None and report.kept:
        assert np.bincount(after.edges.user).max() <= wanted.max_user_events


def test_a_release_says_what_it_learned_from(tmp_path: Path, shop_folder: Path) -> None:
    settings = trial_settings(tmp_path / "home")
    load(shop_folder, settings)
    limited = settings.model_copy(update={"selection": SelectionSettings(max_user_events=3)})
    result = refresh(limited, quiet())
    chosen = result.metrics["selection"]
    assert result.published
    assert chosen["kept"] + chosen["left_out"]["user_cap"] == chosen["edges"]
    assert chosen["kept"] <= 3 * 200
    assert refresh(limited, quiet()).reason == "unchanged"
    assert refresh(settings, quiet()).metrics["selection"]["left_out"] == {}


@pytest.mark.parametrize("wrong", [{"window_days": 0}, {"max_category_share": 1.5}, {"min_item_events": 0}])
def test_settings_are_checked(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"greater|less"):
        SelectionSettings(**wrong)
