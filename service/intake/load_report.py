"""What a load did, in the form that `ilk load --json` promises."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graph.formats import Batch, Counts


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
    files: dict[str, dict[str, Counts]] = field(default_factory=dict)
    """Name of a file -> `items` and `events`, as far as it has them, counted for that file alone."""
    into_empty: bool = False
    """Whether the home held no item before."""

    def add(self, kind: str, batch: Batch, accepted: int) -> None:
        """Count a batch of `items` or `events` of which so many rows were new."""
        of_file = self.files.setdefault(batch.file, {}).setdefault(kind, Counts())
        total = self.items if kind == "items" else self.events
        for counts in (of_file, total):
            counts.add(
                read=batch.read,
                accepted=accepted,
                duplicates=batch.duplicates + batch.frame.height - accepted,
                problems=batch.problems,
            )

    @property
    def incomplete(self) -> int:
        """Files that could not be read to their end."""
        return sum(self.events.incomplete.values()) + sum(self.items.incomplete.values())

    @property
    def hollow(self) -> list[str]:
        """Files that hold no row, such as a header alone."""
        return [
            file
            for file, kinds in sorted(self.files.items())
            if not any(counts.read or counts.incomplete for counts in kinds.values())
        ]

    @property
    def lacks_catalogue(self) -> bool:
        """Whether a first load's catalogue files were all hollow."""
        catalogue = [file for file, kinds in self.files.items() if set(kinds) == {"items"}]
        return self.into_empty and bool(catalogue) and set(catalogue) <= set(self.hollow)

    def to_json(self) -> dict[str, Any]:
        """As in `--json`."""
        return {
            "format": self.format,
            "events": self.events.as_dict(),
            "items": self.items.as_dict(),
            "quarantine": str(self.quarantine) if self.quarantine else None,
            "notes": self.notes,
            "files": {
                file: {kind: counts.as_dict() for kind, counts in sorted(kinds.items())}
                for file, kinds in sorted(self.files.items())
            },
        }
