"""How texts are encoded."""

from dataclasses import dataclass
from enum import StrEnum

from encoders.errors import InvalidSetting


class Device(StrEnum):
    """Closed set of devices to ask for."""

    AUTO = "auto"
    """CUDA where there is a usable one, else the CPU."""
    CPU = "cpu"
    CUDA = "cuda"


class Precision(StrEnum):
    """Closed set of numeric precisions to ask for."""

    AUTO = "auto"
    """The faster one of those below, judged by what the CPU is (see `encoders.precision`)."""
    FP32 = "fp32"
    BF16 = "bf16"
    """Matrix products in bfloat16; cosine to fp32 about 0.99997."""


@dataclass(frozen=True)
class EncoderSettings:
    """Settings of a `BertEncoder`; raises `InvalidSetting`."""

    max_length: int = 128
    """Word pieces of a text that are read, the rest is cut off.

    128 is what the default model was trained with. Of 9,671 titles with category and brand of an electronics
    shop 0.03 % are longer (median 50, 99th percentile 85). On texts that are longer (a cosmetics shop's
    400 letters of description, 168 pieces) 256 doubled the cost and changed ranking figures both ways
    (basket NDCG .709 -> .717, next NDCG .024 -> .021), so it is not the default."""
    device: Device = Device.AUTO
    precision: Precision = Precision.AUTO
    batch_tokens: int | None = None
    """Word pieces per batch, padding included. `None`: 2,048 on a CPU (larger ones leave its caches),
    32,768 on CUDA."""

    def __post_init__(self) -> None:
        if not 3 <= self.max_length <= 8192:
            raise InvalidSetting(f"max_length is {self.max_length}; it must lie between 3 and 8192")
        if self.batch_tokens is not None and self.batch_tokens < 1:
            raise InvalidSetting(f"batch_tokens is {self.batch_tokens}; it must be at least 1")
        for name, kind in (("device", Device), ("precision", Precision)):
            value = getattr(self, name)
            if value not in {str(member) for member in kind}:
                raise InvalidSetting(f"{name} is {value!r}; it must be one of {', '.join(kind)}")
            object.__setattr__(self, name, kind(value))
