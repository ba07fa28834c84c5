"""What a load did, in the form that `ilk load --json` promises."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graph.formats import Counts


@dataclass
class LoadReport:
    """Counts of one load and where its touched rows are listed."""

    events: Counts = field(default_factory=Counts)
    items: Counts = field(default_factory=Counts)
    quarantine: Path | None = None
    format: str = ""
    """What the files were taken for."""
    notes: list[str] = field(default_factory=list)
    """What a person should know: columns and files that were not read."""

    @property
    def incomplete(self) -> int:
        """Files that could not be read to their end."""
        return sum(self.events.incomplete.values()) + sum(self.items.incomplete.values())

    def to_json(self) -> dict[str, Any]:
        """As in `--json`."""
        return {
            "format": self.format,
            "events": self.events.as_dict(),
            "items": self.items.as_dict(),
            "quarantine": str(self.quarantine) if self.quarantine else None,
            "notes": self.notes,
        }
