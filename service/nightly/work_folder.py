"""Checkpoints of a refresh under way: one folder for each set of inputs, removed when its release is written.

A file is a safetensors file whose metadata hold the JSON values and a hash over everything: torn, damaged or
foreign ones are taken for absent, which costs time and never a wrong release.
"""

import json
import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from gnn.checkpoints import Checkpoint
from service.releases.files import sync_folder

logger = logging.getLogger(__name__)


class WorkFolder:
    """Implements `gnn.checkpoints.Checkpoints` in a folder of a home."""

    def __init__(self, root: Path, inputs: str, every_seconds: float) -> None:
        """root: `Home.work`. inputs: hash of all inputs. every_seconds: least time between two checkpoints
        of one name."""
        self._root = root
        self._folder = root / inputs
        self._every = every_seconds
        self._saved: dict[str, float] = {}

    def remove_others(self) -> None:
        """Remove what was kept for other inputs: it can never be used again."""
        for path in self._root.glob("*"):
            if path != self._folder:
                _remove(path)

    def clear(self) -> None:
        """Remove everything: the release is written."""
        _remove(self._root)

    def load(self, name: str) -> Checkpoint | None:
        """See `Checkpoints.load`."""
        path = self._path(name)
        if not path.exists():
            return None
        try:
            kept = _read(path)
        except (OSError, ValueError, KeyError, SafetensorError) as error:
            logger.warning("checkpoint %s cannot be used, its work is done anew: %s", path.name, error)
            return None
        return kept

    def save(self, name: str, make: Callable[[], Checkpoint], *, final: bool = False) -> None:
        """See `Checkpoints.save`; durable when it returns."""
        now = time.monotonic()
        if not final and now < self._saved.setdefault(name, now) + self._every:
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        content = _content(make())
        temporary = self._folder / f".{name}.writing"
        try:
            with temporary.open("wb") as out:
                out.write(content)
                out.flush()
                os.fsync(out.fileno())
            temporary.replace(self._path(name))
        except BaseException:
            temporary.unlink(missing_ok=True)  # half of it would go on filling a full disk
            raise
        sync_folder(self._folder)
        self._saved[name] = time.monotonic()

    def _path(self, name: str) -> Path:
        return self._folder / f"{name.replace(' ', '-')}.safetensors"


def _content(checkpoint: Checkpoint) -> bytes:
    arrays = {name: np.asarray(array, order="C") for name, array in checkpoint.arrays.items()}
    values = json.dumps(dict(checkpoint.values), sort_keys=True)
    content: bytes = save(arrays, {"values": values, "digest": _digest(arrays, values)})
    return content


def _read(path: Path) -> Checkpoint:
    with safe_open(path, framework="numpy") as source:
        metadata = source.metadata() or {}
        arrays = {name: source.get_tensor(name) for name in source.keys()}  # noqa: SIM118 - no mapping
    if metadata["digest"] != _digest(arrays, metadata["values"]):
        raise ValueError("its content does not have the hash it was written with")
    return Checkpoint(arrays, json.loads(metadata["values"]))


def _digest(arrays: Mapping[str, npt.NDArray[Any]], values: str) -> str:
    state = blake2b(values.encode(), digest_size=16)
    for name in sorted(arrays):
        array = arrays[name]
        state.update(f"{name} {array.dtype.str} {array.shape}".encode())
        state.update(array.reshape(-1).view(np.uint8).data)
    return state.hexdigest()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
