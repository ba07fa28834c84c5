"""An item's text seen twice, and the one vector of both."""

import numpy as np
import polars as pl
import pytest

from encoders import VIEW_SEPARATOR, HashingEncoder, ViewEncoder, item_text, item_views, item_views_of


def test_a_description_gives_a_second_view_without_brand_and_categories() -> None:
    whole, own = item_views("Pan", "Fissler", ["Kitchen > Pans"], "For\neggs.").split(VIEW_SEPARATOR)
    assert whole == item_text("Pan", "Fissler", ["Kitchen > Pans"], "For eggs.")
    assert own == "Pan. For eggs."


@pytest.mark.parametrize("description", [None, "", " \n"])
def test_without_description_there_is_one_view(description: str | None) -> None:
    assert item_views("Pan", "Fissler", ["Pans"], description) == "Pan. Fissler. Pans"


def test_a_second_view_that_says_the_same_is_left_out() -> None:
    assert item_views("Pan", description="For eggs.") == "Pan. For eggs."


def test_the_second_view_is_short() -> None:
    _, own = item_views("Pan", "Fissler", None, "word " * 100).split(VIEW_SEPARATOR)
    assert own == "Pan. " + " ".join(["word"] * 40)


def test_rows_of_a_frame() -> None:
    rows = [("Pan", "F", ["A"], "x"), (None, None, None, None)]
    frame = pl.DataFrame(rows, schema=["title", "brand", "categories", "description"], orient="row")
    assert item_views_of(frame) == ["Pan. F. A. x\nPan. x", ""]


def test_the_vector_is_the_mean_of_the_views() -> None:
    inner = HashingEncoder(32)
    encoder = ViewEncoder(inner)
    vectors = encoder.encode(["red pan\npan", "pot", ""])
    mean = inner.encode(["red pan", "pan"]).sum(axis=0)
    np.testing.assert_allclose(vectors[0], mean / np.linalg.norm(mean), atol=1e-6)
    np.testing.assert_allclose(vectors[1], inner.encode(["pot"])[0], atol=1e-6)
    assert not vectors[2].any()
    assert encoder.encode([]).shape == (0, 32)
    assert (encoder.dim, encoder.fingerprint) == (32, inner.fingerprint)
    assert vectors.dtype == np.float32
