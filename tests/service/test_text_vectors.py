"""One text model per process: opened late, once, and never an obstacle to other answers."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from encoders import HashingEncoder
from encoders.encoder import ProgressFn
from gnn.shop_arrays import FloatArray
from service.text_vectors import REMEMBERED_QUERIES, LazyTextVectors, ServingEncoders, TextModelUnavailable


class Counting:
    """An encoder that writes down what it was asked."""

    def __init__(self) -> None:
        self._encoder = HashingEncoder(16)
        self.asked: list[str] = []
        self.something = threading.Event()

    @property
    def dim(self) -> int:
        return self._encoder.dim

    @property
    def fingerprint(self) -> str:
        return self._encoder.fingerprint

    def encode(self, texts: Sequence[str], progress: ProgressFn | None = None) -> FloatArray:
        self.asked += texts
        self.something.set()
        return self._encoder.encode(texts)


class Shop:
    """Encoders, and how often they were opened."""

    def __init__(self) -> None:
        self.items, self.queries, self.opened = Counting(), Counting(), 0
        self.vectors = LazyTextVectors(self._open)
        self.fingerprint = self.items.fingerprint

    def _open(self, fingerprint: str | None) -> ServingEncoders:
        self.opened += 1
        return ServingEncoders(self.items, self.queries)


def test_the_model_is_opened_once_and_late() -> None:
    shop = Shop()
    assert shop.opened == 0
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: shop.vectors.of_query(f"red {n % 3}", shop.fingerprint), range(24)))
    assert shop.opened == 1
    assert sorted(shop.queries.asked) == ["red 0", "red 1", "red 2"]
    assert np.array_equal(found[0], HashingEncoder(16).encode(["red 0"])[0])
    assert shop.items.asked == []


def test_only_the_newest_queries_are_remembered() -> None:
    shop = Shop()
    for number in range(REMEMBERED_QUERIES + 1):
        shop.vectors.of_query(f"q {number}", shop.fingerprint)
    shop.vectors.of_query("q 1", shop.fingerprint)
    shop.vectors.of_query("q 0", shop.fingerprint)
    assert shop.queries.asked[REMEMBERED_QUERIES + 1 :] == ["q 0"]


def test_another_models_space_is_refused() -> None:
    shop = Shop()
    with pytest.raises(TextModelUnavailable, match="another text model"):
        shop.vectors.of_item("red", "other")


def test_a_release_with_another_tuning_has_its_own_encoders() -> None:
    opened: list[str | None] = []

    def tuned(fingerprint: str | None) -> ServingEncoders:
        opened.append(fingerprint)
        encoder = HashingEncoder(32 if fingerprint == HashingEncoder(32).fingerprint else 16)
        return ServingEncoders(encoder, encoder)

    vectors = LazyTextVectors(tuned)
    of_16, of_32 = HashingEncoder(16), HashingEncoder(32)
    for encoder in (of_16, of_16, of_32, of_32):
        found = vectors.of_item("red shoe", encoder.fingerprint)
        assert np.array_equal(found, encoder.encode(["red shoe"])[0])
    with pytest.raises(TextModelUnavailable, match="another text model"):
        vectors.of_item("red shoe", "of neither")
    assert np.array_equal(vectors.of_item("red", of_32.fingerprint), of_32.encode(["red"])[0])
    assert opened == [of_16.fingerprint, of_32.fingerprint, "of neither"]


def test_a_model_that_cannot_be_opened_is_not_tried_at_every_request() -> None:
    tries = []

    def fails(fingerprint: str | None) -> ServingEncoders:
        tries.append(1)
        raise OSError("/secret/path is missing")

    vectors = LazyTextVectors(fails)
    for _ in range(3):
        with pytest.raises(TextModelUnavailable) as caught:
            vectors.of_query("red", "f")
        assert "secret" not in str(caught.value)
    assert len(tries) == 1
