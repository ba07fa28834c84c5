"""What fine-tuning adds to a text model: low-rank changes of some of its matrices, some 100 kB."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from encoders.errors import ModelMismatch

if TYPE_CHECKING:
    from torch import nn

_DOWN, _UP = ".down", ".up"


@dataclass(frozen=True)
class Adapter:
    """Changes W' = W + up @ down, by the name of the linear layer (Hu et al., "LoRA", 2021). Raises
    `ModelMismatch` where two parts do not fit together."""

    down: Mapping[str, npt.NDArray[np.float32]]
    """(rank, inputs) of each layer."""
    up: Mapping[str, npt.NDArray[np.float32]]
    """(outputs, rank) of each layer; LoRA's scale is in it."""

    def __post_init__(self) -> None:
        if not self.down or self.down.keys() != self.up.keys():
            raise ModelMismatch("an adapter needs both matrices of each layer that it changes, and one layer")
        for name, down in self.down.items():
            up = self.up[name]
            if down.ndim != 2 or up.ndim != 2 or down.shape[0] != up.shape[1]:
                raise ModelMismatch(f"adapter: {up.shape} and {down.shape} of {name} do not fit together")

    @cached_property
    def content(self) -> bytes:
        """A safetensors file; equal adapters have equal bytes."""
        arrays = {name + _DOWN: np.ascontiguousarray(matrix) for name, matrix in self.down.items()}
        arrays |= {name + _UP: np.ascontiguousarray(matrix) for name, matrix in self.up.items()}
        made: bytes = save(dict(sorted(arrays.items())))
        return made

    @cached_property
    def sha256(self) -> str:
        """Of `content`."""
        return hashlib.sha256(self.content).hexdigest()

    @classmethod
    def from_content(cls, content: bytes) -> "Adapter":
        """Read `content` back. Raises `ModelMismatch`."""
        try:
            arrays = load(content)
        except SafetensorError as error:
            raise ModelMismatch(f"adapter: no safetensors file ({error})") from error
        return cls(
            *(
                {name.removesuffix(end): array for name, array in arrays.items() if name.endswith(end)}
                for end in (_DOWN, _UP)
            )
        )

    def apply(self, model: "nn.Module") -> None:
        """Change a model's matrices for good. Raises `ModelMismatch` where the model has no such layers."""
        import torch  # here: an adapter is carried from release to release without torch

        parameters = dict(model.named_parameters())
        for name, down in self.down.items():
            weight = parameters.get(f"{name}.weight")
            change = torch.from_numpy(self.up[name]) @ torch.from_numpy(down)
            if weight is None or weight.shape != change.shape:
                raise ModelMismatch(f"the adapter changes {name}, which this text model does not have alike")
            with torch.no_grad():
                weight.add_(change.to(weight))
