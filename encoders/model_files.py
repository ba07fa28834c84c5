"""A model's files on disk: where they came from and what exactly they are."""

import hashlib
import json
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from encoders.errors import ModelMismatch, ModelUnavailable

TELLING_FILES = (
    "config.json",
    "modules.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "sentencepiece.bpe.model",
    "1_Pooling/config.json",
)
"""Files beside the weights that change what a text's vector is."""


T = TypeVar("T", dict[str, object], list[dict[str, object]])


class Origin(StrEnum):
    """Where a model's files were found."""

    FOLDER = "folder"
    HUB = "hub"
    PACKAGE = "package"


class Pooling(StrEnum):
    """How a model's token vectors become a text's vector."""

    MEAN = "mean"
    CLS = "cls"


@dataclass(frozen=True)
class ModelFiles:
    """A folder with a transformers model in safetensors. Raises `ModelUnavailable` when it holds none."""

    model_id: str
    """Hub id, or the folder's own name."""
    folder: Path
    origin: Origin
    revision: str | None = None
    """Commit hash on the hub; `None` where the files came from elsewhere."""

    def __post_init__(self) -> None:
        if not (self.folder / "config.json").is_file():
            raise ModelUnavailable(f"{self.folder} is no model: it has no config.json")
        if not any(self.folder.glob("*.safetensors")):
            raise ModelUnavailable(
                f"{self.folder} has no weights in safetensors (other formats are not read: they can run code)"
            )

    @cached_property
    def sha256(self) -> dict[str, str]:
        """File name -> sha256 of the weights and of every file that changes what the vectors are."""
        weights = sorted(path.name for path in self.folder.glob("*.safetensors"))
        present = [name for name in TELLING_FILES if (self.folder / name).is_file()]
        return {name: sha256_of(self.folder / name) for name in (*weights, *present)}

    @property
    def content_sha256(self) -> str:
        """One sha256 over `sha256`: equal exactly when the files are."""
        return hashlib.sha256(json.dumps(self.sha256, sort_keys=True).encode()).hexdigest()

    def pooling(self) -> Pooling:
        """How the model pools, as sentence-transformers wrote it down; mean where nothing is written.

        Raises `ModelMismatch` for models with other pooling or with layers behind the pooling.
        """
        modules: list[dict[str, object]] = self._read_json("modules.json", [])
        for module in modules:
            kind = str(module.get("type")).rpartition(".")[2]
            if kind not in {"Transformer", "Pooling", "Normalize"}:
                raise ModelMismatch(f"{self.model_id} has a {kind} layer, which is not supported")
        default: dict[str, object] = {"pooling_mode": "mean"}
        pooling = self._read_json("1_Pooling/config.json", default)
        prefix = "pooling_mode_"  # one flag per mode, or (newer) one key that names the mode
        modes = {
            key.removeprefix(prefix) for key, on in pooling.items() if key.startswith(prefix) and on is True
        }
        modes = modes or {str(pooling.get("pooling_mode", "mean"))}
        if modes <= {"mean", "mean_tokens"}:
            return Pooling.MEAN
        if modes <= {"cls", "cls_token"}:
            return Pooling.CLS
        raise ModelMismatch(
            f"{self.model_id} pools by {', '.join(sorted(modes))}; mean and cls are supported"
        )

    def _read_json(self, name: str, default: T) -> T:
        path = self.folder / name
        if not path.is_file():
            return default
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ModelMismatch(f"{path} is not JSON: {error}") from error
        if not isinstance(found, type(default)):
            raise ModelMismatch(f"{path} does not hold what it should")
        return found


def sha256_of(path: Path) -> str:
    """Hex sha256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
