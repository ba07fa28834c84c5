"""Tally of what became of the rows that were read."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from graph.formats.problem import Outcome, Problem
from graph.formats.shop_reader import Batch


@dataclass
class Counts:
    """Rows of one kind (events, items or links), of one file or of many.

    Always `read = accepted + duplicates + sum(rejected)`; `balanced` tells.
    """

    read: int = 0
    accepted: int = 0
    duplicates: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    """Reason -> rows left out."""
    repaired: dict[str, int] = field(default_factory=dict)
    """Reason -> accepted rows that were changed (one row may count under several reasons)."""
    incomplete: dict[str, int] = field(default_factory=dict)
    """Reason -> files that could not be read to their end."""

    @property
    def balanced(self) -> bool:
        """Whether every row read is accounted for."""
        return self.read == self.accepted + self.duplicates + sum(self.rejected.values())

    def add(self, *, read: int, accepted: int, duplicates: int = 0, problems: Iterable[Problem] = ()) -> None:
        """Count some rows."""
        self.read += read
        self.accepted += accepted
        self.duplicates += duplicates
        tally = {
            Outcome.REJECTED: self.rejected,
            Outcome.REPAIRED: self.repaired,
            Outcome.INCOMPLETE: self.incomplete,
        }
        for problem in problems:
            reasons = tally[problem.outcome]
            reason = str(problem.reason)
            reasons[reason] = reasons.get(reason, 0) + problem.rows

    def add_batch(self, batch: Batch) -> None:
        """Count a reader's batch; all its clean rows count as accepted (see `mark_duplicates`)."""
        self.add(
            read=batch.read,
            accepted=batch.frame.height,
            duplicates=batch.duplicates,
            problems=batch.problems,
        )

    def mark_duplicates(self, rows: int) -> None:
        """Move rows that the event log already knew from accepted to duplicates. Raises `ValueError`
        when there are fewer accepted rows."""
        if not 0 <= rows <= self.accepted:
            raise ValueError(f"{rows} duplicates among {self.accepted} accepted rows")
        self.accepted -= rows
        self.duplicates += rows

    def merge(self, other: "Counts") -> None:
        """Add another tally to this one."""
        self.read += other.read
        self.accepted += other.accepted
        self.duplicates += other.duplicates
        for mine, theirs in (
            (self.rejected, other.rejected),
            (self.repaired, other.repaired),
            (self.incomplete, other.incomplete),
        ):
            for reason, rows in theirs.items():
                mine[reason] = mine.get(reason, 0) + rows

    def as_dict(self) -> dict[str, object]:
        """The shape that `load --json` prints; reasons sorted by name."""
        report: dict[str, object] = {
            "read": self.read,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "rejected": dict(sorted(self.rejected.items())),
            "repaired": dict(sorted(self.repaired.items())),
        }
        if self.incomplete:
            report["incomplete"] = dict(sorted(self.incomplete.items()))
        return report
