"""What a full refresh came to."""

from dataclasses import dataclass, field
from typing import Any

from service.reporter import peak_memory_bytes

REJECTED = "rejected: "
"""How the reason of a release begins that the gate refused."""


@dataclass(frozen=True)
class RefreshResult:
    """Outcome of one refresh."""

    release: str | None
    """The release that serves afterwards."""
    published: bool
    reason: str
    stages: list[dict[str, object]]
    metrics: dict[str, Any] = field(default_factory=dict)
    waited_seconds: float = 0.0
    """How long another refresh or increment was waited for."""

    @property
    def rejected(self) -> bool:
        """Whether the gate refused what was made; a release that waits for a person is none of that."""
        return self.reason.startswith(REJECTED)

    def to_json(self) -> dict[str, Any]:
        """As in `--json`."""
        return {
            "release": self.release,
            "published": self.published,
            "reason": self.reason,
            "rejected": self.rejected,
            "stages": self.stages,
            "waited_seconds": self.waited_seconds,
            "peak_memory_bytes": peak_memory_bytes(),
            "metrics": self.metrics,
        }
