"""Vocabulary: a bijection of ids and 0..n-1 that only grows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graph.vocabulary import ItemIndex, Vocabulary

ids = st.text(min_size=1, max_size=3)


@given(st.lists(st.lists(ids, max_size=8), max_size=5))
def test_indices_are_contiguous_and_never_change(batches: list[list[str]]) -> None:
    vocabulary: Vocabulary[ItemIndex] = Vocabulary()
    first: dict[str, int] = {}
    for batch in batches:
        for one in batch:
            first.setdefault(one, len(first))
        indices = vocabulary.add_many(batch)
        assert indices.dtype == np.int64
        assert indices.tolist() == [first[one] for one in batch]
    assert len(vocabulary) == len(first)
    assert list(vocabulary) == list(vocabulary.ids) == list(first)
    assert vocabulary.ids_of(range(len(first))) == list(first)
    assert [vocabulary.id_of(vocabulary.index_of(one)) for one in first] == list(first)


def test_holes_take_an_index_and_are_never_found() -> None:
    vocabulary: Vocabulary[ItemIndex] = Vocabulary(["a", "", "b", ""])
    assert [vocabulary.index_of(one) for one in ("a", "b")] == [0, 2]
    assert "" not in vocabulary
    assert vocabulary.add("c") == 4
    assert vocabulary.id_of(ItemIndex(1)) == ""


def test_mistakes_are_refused() -> None:
    vocabulary: Vocabulary[ItemIndex] = Vocabulary(["a"])
    with pytest.raises(ValueError, match="repeats"):
        Vocabulary(["a", "a"])
    with pytest.raises(ValueError, match="empty"):
        vocabulary.add_many(["b", ""])
    assert len(vocabulary) == 1
    with pytest.raises(KeyError):
        vocabulary.index_of("b")
    for index in (-1, 1):
        with pytest.raises(IndexError):
            vocabulary.id_of(ItemIndex(index))
