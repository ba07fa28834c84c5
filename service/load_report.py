"""What a load did, in the form that `ilk load --json` promises."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class RowCounts:
    """read = accepted + duplicates + sum(rejected)."""

    read: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    """Reason -> rows that were not loaded."""
    repaired: Counter[str] = field(default_factory=Counter)
    """Reason -> rows that were mended and loaded."""

    def to_json(self) -> dict[str, Any]:
        """As in `--json`."""
        return {
            "read": self.read,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "rejected": dict(sorted(self.rejected.items())),
            "repaired": dict(sorted(self.repaired.items())),
        }


@dataclass
class LoadReport:
    """Counts of one load and where its touched rows are listed."""

    events: RowCounts = field(default_factory=RowCounts)
    items: RowCounts = field(default_factory=RowCounts)
    quarantine: Path | None = None
    incomplete: str | None = None
    """Why the input ended early; None when it was read whole."""

    def to_json(self) -> dict[str, Any]:
        """As in `--json`."""
        report: dict[str, Any] = {
            "events": self.events.to_json(),
            "items": self.items.to_json(),
            "quarantine": str(self.quarantine) if self.quarantine else None,
        }
        if self.incomplete:
            report["incomplete"] = self.incomplete
        return report
