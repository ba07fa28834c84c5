"""The encoder without weights."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from encoders import HashingEncoder, InvalidSetting, InvalidText

EXPECTED = [
    -0.258199,
    0.0,
    0.258199,
    0.258199,
    0.0,
    0.516398,
    0.258199,
    0.0,
    -0.258199,
    0.258199,
    0.0,
    0.0,
    0.0,
    0.0,
    -0.516398,
    -0.258199,
]


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(st.text(max_size=40), max_size=8), dim=st.integers(8, 300))
def test_vectors_are_unit_length_or_zero_and_independent(texts: list[str], dim: int) -> None:
    encoder = HashingEncoder(dim)
    vectors = encoder.encode(texts)
    assert vectors.shape == (len(texts), dim)
    for text, vector in zip(texts, vectors, strict=True):
        assert np.linalg.norm(vector) == pytest.approx(1 if text.strip() else 0, abs=1e-5)
        np.testing.assert_array_equal(vector, encoder.encode([text])[0])


def test_it_never_changes() -> None:
    """Vectors in a cache or a release must still be right with another Python, tomorrow."""
    vector = HashingEncoder(16).encode(["Frying pan"])[0]
    assert HashingEncoder(16).fingerprint == "hashing:1:16"
    np.testing.assert_allclose(vector, EXPECTED, atol=1e-6)


def test_shared_words_bring_texts_together() -> None:
    near, other, far = HashingEncoder().encode(["red frying pan", "blue frying pans", "usb cable"])
    assert near @ other > 0.4 > 0.2 > abs(near @ far)


def test_what_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="dim"):
        HashingEncoder(4)
    with pytest.raises(InvalidText, match="text 0"):
        HashingEncoder().encode([7])  # type: ignore[list-item]


def test_progress_ends_at_the_total() -> None:
    seen: list[tuple[int, int]] = []
    HashingEncoder().encode(["a"] * 2500, lambda done, total: seen.append((done, total)))
    assert seen == [(1024, 2500), (2048, 2500), (2500, 2500)]
