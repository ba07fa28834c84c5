"""Reviews that come while the shop is followed."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from service.item_reviews import best_reviews, lines_of, merged
from service.live.live_reviews import LiveReviews
from service.settings import ReviewSettings
from tests.service.test_item_reviews import LONG, reviews

RULES = ReviewSettings(share=0.25, per_item=2, words=30)


def about(seq: int, item: int, helpful: int) -> pl.DataFrame:
    return reviews({"seq": seq, "item": item, "helpful": helpful, "review_text": f"{LONG} {seq}"})


PARTS = [about(seq, seq % 5, seq * 7 % 11) for seq in range(1, 31)]


def test_a_few_at_a_time_are_judged_as_all_at_once() -> None:
    held = LiveReviews(best_reviews(pl.concat(PARTS[:10]), RULES))
    lines: dict[int, str] = {}
    for start in range(10, 30, 4):
        lines |= held.take(pl.concat(PARTS[start : start + 4]), RULES)
    whole = best_reviews(pl.concat(PARTS), RULES)
    assert held.best is not None
    assert_frame_equal(held.best.sort("item", maintain_order=True), whole)
    assert lines == lines_of(whole, RULES)


def test_reviews_of_other_items_are_not_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    judged: list[list[int]] = []

    def counting(new: pl.DataFrame, known: pl.DataFrame, rules: ReviewSettings) -> pl.DataFrame:
        judged.append(known["item"].unique().to_list())
        return merged(new, known, rules)

    monkeypatch.setattr("service.live.live_reviews.merged", counting)
    held = LiveReviews(best_reviews(pl.concat(PARTS), RULES))
    assert list(held.take(about(99, 3, 50), RULES)) == [3]
    assert judged == [[3]]


def test_what_was_forgotten_comes_back_with_no_review() -> None:
    held = LiveReviews(best_reviews(pl.concat(PARTS), RULES))
    held.forget()
    assert held.take(about(99, 3, 50), RULES) == {}
    assert held.best is None
