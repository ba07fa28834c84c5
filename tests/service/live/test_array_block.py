"""Blocks of arrays against the safetensors library, both ways."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load, save

from service.live.array_block import array_chunks, arrays_in

ARRAYS: dict[str, np.ndarray] = {
    "a": np.arange(6, dtype=np.float32).reshape(2, 3),
    "b": np.array([], np.int64),
    "c": np.array([True, False, True]),
    "d": np.arange(4, dtype=np.int64),
    "e": np.arange(8, dtype=np.float64)[::2],
    "f": np.arange(3, dtype=np.int8),
    "g": np.array(3.5),
}


def block() -> bytes:
    return b"".join(array_chunks(ARRAYS))


def assert_same(found: dict[str, np.ndarray]) -> None:
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype, name
        np.testing.assert_array_equal(found[name], array)


def test_the_library_reads_what_is_written() -> None:
    assert_same(load(block()))


def test_what_the_library_writes_is_read() -> None:
    assert_same(arrays_in(memoryview(save({n: np.ascontiguousarray(a) for n, a in ARRAYS.items()}))))


def test_arrays_are_aligned_views() -> None:
    content = block()
    found = arrays_in(memoryview(content))
    assert_same(found)
    assert all(array.flags.aligned and not array.flags.writeable for array in found.values() if array.size)


def test_other_types_are_refused() -> None:
    with pytest.raises(ValueError, match="no place"):
        array_chunks({"a": np.array(["text"])})


@given(place=st.integers(0, 10**4), byte=st.integers(0, 255), cut=st.integers(0, 40))
def test_damage_raises_or_gives_arrays(place: int, byte: int, cut: int) -> None:
    content = bytearray(block())
    content[place % len(content)] = byte
    try:
        found = arrays_in(memoryview(bytes(content[: len(content) - cut])))
    except (ValueError, KeyError, TypeError):
        return
    assert all(isinstance(array, np.ndarray) for array in found.values())
