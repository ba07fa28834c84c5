"""What an increment came to."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class IncrementResult:
    """Outcome of one increment."""

    release: str
    """The release that serves afterwards."""
    published: bool
    reason: str
    unfolded: tuple[int, int] | None
    """Range of sequence numbers that a rejection took out of the answers."""
    full_refresh_wanted: bool
    stages: list[dict[str, object]]
    metrics: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As in `--json`."""
        return asdict(self)
