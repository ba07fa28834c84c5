"""Arrays as one block of bytes in safetensors' layout, written and read without a copy.

The library copies every array while it holds Python's lock, which a loop or a request beside it would wait
for: half a second for 60 MiB. Layout: https://github.com/huggingface/safetensors#format (length of the header
as 8 bytes little-endian, header as JSON, data).
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

_NAMES: dict[str, np.dtype[Any]] = {
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "I16": np.dtype("<i2"),
    "I8": np.dtype("<i1"),
    "U8": np.dtype("<u1"),
    "BOOL": np.dtype("?"),
}
_OF_TYPE = {dtype: name for name, dtype in _NAMES.items()}
ALIGNMENT = 8
"""Of the widest type: a block that begins at a multiple of it holds aligned arrays."""


def array_chunks(arrays: Mapping[str, npt.NDArray[Any]]) -> list[memoryview]:
    """The block in pieces, of which all but the first are the arrays themselves (contiguous ones). Raises
    `ValueError` for other types than numbers of up to 8 bytes."""
    header: dict[str, dict[str, Any]] = {}
    pieces: list[memoryview] = []
    end = 0
    # the widest first: then each begins at a multiple of its width
    for name, array in sorted(arrays.items(), key=lambda entry: (-entry[1].dtype.itemsize, entry[0])):
        kind = _OF_TYPE.get(array.dtype.newbyteorder("<"))
        if kind is None:
            raise ValueError(f"{name} is of {array.dtype}, which has no place here")
        begin, end = end, end + array.nbytes
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [begin, end]}
        if array.nbytes:
            pieces.append(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % ALIGNMENT)
    return [memoryview(len(head).to_bytes(8, "little") + head), *pieces]


def arrays_in(block: memoryview) -> dict[str, npt.NDArray[Any]]:
    """The arrays of a block, views of its bytes and not to be written to.

    Raises `ValueError`, `KeyError` or `TypeError` for a block of another make."""
    start = 8 + int.from_bytes(block[:8], "little")
    if start > len(block):
        raise ValueError("the header is cut short")
    header = dict(json.loads(bytes(block[8:start])))
    header.pop("__metadata__", None)
    return {name: _array(block[start:], **entry) for name, entry in header.items()}


def _array(data: memoryview, dtype: str, shape: list[int], data_offsets: list[int]) -> npt.NDArray[Any]:
    begin, end = data_offsets
    kind, count = _NAMES[dtype], int(np.prod(shape, dtype=np.int64))
    if (
        not 0 <= begin <= end <= len(data)
        or end - begin != count * kind.itemsize
        or min(shape, default=0) < 0
    ):
        raise ValueError("an array lies outside the block")
    array: npt.NDArray[Any] = np.frombuffer(data[begin:end], kind).reshape(shape)
    return array
