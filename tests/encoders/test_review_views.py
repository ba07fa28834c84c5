"""Reviews as weighted views of an item's text."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from encoders import HashingEncoder, ViewEncoder, item_views, review_lines, split_views, with_reviews

one_line = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1)


@given(st.lists(st.tuples(st.floats(0.0001, 9), one_line), max_size=4))
def test_a_text_with_reviews_says_what_it_is_made_of(reviews: list[tuple[float, str]]) -> None:
    own = item_views("Pan", "Fissler", ["Kitchen"], "For eggs.")
    views = split_views(with_reviews(own, review_lines(reviews)))
    assert views.own == own.split("\n")
    assert [text for _, text in views.reviews] == [text for _, text in reviews]
    assert [weight for weight, _ in views.reviews] == pytest.approx([w for w, _ in reviews], abs=5e-5)


def test_without_reviews_a_text_stays_as_it_is() -> None:
    assert with_reviews("Pan\nown", review_lines([])) == "Pan\nown"
    assert split_views("") == ([], [])


def test_the_vector_adds_reviews_to_the_own_text_by_their_weight() -> None:
    inner = HashingEncoder(32)
    lines = review_lines([(0.3, "bought it for eggs"), (0.1, "dear")])
    vectors = ViewEncoder(inner).encode(
        [with_reviews("red pan\npan", lines), "pot", with_reviews("", lines), ""]
    )
    own = inner.encode(["red pan", "pan"]).sum(axis=0)
    first, second = inner.encode(["bought it for eggs", "dear"])
    expected = own / np.linalg.norm(own) + 0.3 * first + 0.1 * second
    np.testing.assert_allclose(vectors[0], expected / np.linalg.norm(expected), atol=1e-6)
    np.testing.assert_allclose(vectors[1], inner.encode(["pot"])[0], atol=1e-6)
    alone = 0.3 * first + 0.1 * second
    np.testing.assert_allclose(vectors[2], alone / np.linalg.norm(alone), atol=1e-6)
    assert not vectors[3].any()
    assert vectors.dtype == np.float32
