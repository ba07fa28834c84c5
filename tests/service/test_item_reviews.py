"""Which reviews count in an item's text, and how much."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from encoders import split_views
from graph.formats import open_shop
from graph.frames import REVIEW_TEXT_SCHEMA
from service.item_reviews import (
    best_reviews,
    first_words,
    lines_of,
    merged,
    recorded,
    review_digests,
    reviews_of_events,
    rules_of_release,
    within_total,
)
from service.settings import ReviewSettings

RULES = ReviewSettings(share=0.25, per_item=2, words=30)
LONG = (
    "a pan that takes every egg I throw at it, day after day, and never lets one of them stick to it at all"
)
YEAR = 365 * 86_400 * 10**6


def reviews(*rows: dict[str, Any]) -> pl.DataFrame:
    """Reviews of item 0 that differ in the given fields only."""
    usual = {"item": 0, "rating": 5.0, "at": 0, "review_text": LONG, "helpful": None}
    numbered = [{"seq": n, **usual, **row} for n, row in enumerate(rows, start=1)]
    return pl.DataFrame(numbered, schema=REVIEW_TEXT_SCHEMA)


@pytest.mark.parametrize(
    "better",
    [{"helpful": 3}, {"at": YEAR}, {"rating": 5.0, "review_text": f"{LONG} again"}],
)
def test_votes_recency_and_length_make_a_review_stronger(better: dict[str, Any]) -> None:
    weak = {"review_text": "nice pan"} if "review_text" in better else {"review_text": f"{LONG}!"}
    best = best_reviews(reviews(weak, {"review_text": LONG, **better}), RULES)
    assert best["seq"].to_list() == [2, 1]
    assert best["strength"][0] > best["strength"][1]


def test_votes_count_up_to_a_bound() -> None:
    told = ({"helpful": votes, "review_text": f"{LONG} {votes}"} for votes in (0, 1_000, 2**53))
    strength = best_reviews(reviews(*told), ReviewSettings(per_item=9)).sort("seq")["strength"].to_list()
    assert strength[1] == strength[2]
    assert strength[1] - strength[0] == pytest.approx(np.log(1 + np.log(1_001)))


def test_a_complaint_counts_less_and_no_rating_like_a_usual_one() -> None:
    rows = (
        {"rating": rating, "review_text": f"{LONG} {n}"} for n, rating in enumerate((1.0, 5.0, None, 4.0))
    )
    strength = dict(
        best_reviews(reviews(*rows), ReviewSettings(per_item=9)).select("seq", "strength").iter_rows()
    )
    assert strength[2] > strength[3] == strength[4] > strength[1]


def test_two_years_halve_a_weight_and_the_share_is_kept() -> None:
    old, new = {"at": 0, "review_text": "old " + LONG}, {"at": 2 * YEAR, "review_text": "new " + LONG}
    lines = lines_of(best_reviews(reviews(old, new), RULES), RULES)
    (first, text), (second, _) = split_views(lines[0]).reviews
    assert text.startswith("new")
    assert first / second == pytest.approx(2, rel=0.01)
    assert first + second == pytest.approx(0.25 / 0.75, abs=1e-3)


def test_texts_are_cut_to_one_line_and_count_once() -> None:
    strange = "one\ntwo\x1ethree\u2028 four\t" + "word " * 99
    best = best_reviews(
        reviews({"review_text": strange}, {"review_text": strange}, {"review_text": " \n"}), RULES
    )
    assert best["text"].to_list() == [" ".join(["one two three four", *["word"] * 26])]
    assert first_words([strange], 30) == best["text"].to_list()
    assert first_words([], 30) == []


def test_one_by_one_is_the_same_as_all_at_once() -> None:
    rng = np.random.default_rng(0)
    words = [LONG, "nice", "a pan", f"{LONG} too", "never again, it broke in two"]
    every = reviews(
        *(
            {
                "item": int(rng.integers(4)),
                "rating": float(rng.integers(1, 6)),
                "at": int(rng.integers(5)) * YEAR,
                "helpful": int(rng.integers(9)),
                "review_text": str(rng.choice(words)),
            }
            for _ in range(60)
        )
    )
    known = best_reviews(every.head(7), RULES)
    for start in range(7, 60, 3):
        known = merged(best_reviews(every.slice(start, 3), RULES), known, RULES)
    assert known.equals(best_reviews(every, RULES))
    assert known.group_by("item").len()["len"].max() == 2


def test_too_many_in_all_leave_fewer_of_each_item_and_at_least_one() -> None:
    rows = [
        {"item": item, "review_text": f"{LONG} {n}"}
        for item, n in ((0, 1), (0, 2), (0, 3), (1, 4), (1, 5), (2, 6))
    ]
    best = best_reviews(reviews(*rows), ReviewSettings(per_item=3))
    found = {
        total: within_total(best, ReviewSettings(per_item=3, total=total)).per_item for total in (6, 5, 4, 1)
    }
    assert found == {6: 3, 5: 2, 4: 1, 1: 1}
    kept = rules_of_release(recorded(ReviewSettings(share=0.3, per_item=2, words=9, total=1)))
    assert within_total(best, kept) == kept
    assert (kept.share, kept.per_item, kept.words) == (0.3, 2, 9)
    assert rules_of_release({}).share == 0
    assert rules_of_release({"reviews_per_item": 2}).share == 0  # as some releases said before


def test_digests_tell_reviews_apart() -> None:
    digests = review_digests(["", "a", "b", "a"])
    assert digests is not None
    assert digests[0] == 0
    assert digests[1] == digests[3] != digests[2]
    assert review_digests([]) is None


def test_real_reviews_are_bounded_and_votes_bring_forward(shared_data: Path) -> None:
    shop = open_shop(shared_data / "amazon18-magazine")
    events = pl.concat([batch.frame for batch in shop.events()]).unique("event_id", maintain_order=True)
    numbers = events["item_id"].rank("dense").cast(pl.Int64)
    found = reviews_of_events(events.with_row_index("seq", 1).cast({"seq": pl.Int64}), numbers)
    rules = ReviewSettings(share=0.3)
    best = best_reviews(found, rules)
    per_item = best.group_by("item").len()["len"]
    assert per_item.len() == numbers.n_unique()
    assert per_item.max() == rules.per_item
    voted = found.select("seq", pl.col("helpful").is_not_null())
    share = best.join(voted, on="seq")["helpful"].mean()
    assert isinstance(share, float)
    assert share > 1.3 * float(voted["helpful"].mean())  # type: ignore[arg-type]
    for lines in lines_of(best, rules).values():
        reviews = split_views(lines).reviews
        assert sum(weight for weight, _ in reviews) == pytest.approx(0.3 / 0.7, abs=1e-3)
        assert all(len(text.split()) <= rules.words for _, text in reviews)
