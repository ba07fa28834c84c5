"""How many new events an increment waits for: small steps while they succeed, wider ones where they fail."""

from dataclasses import dataclass
from enum import StrEnum

from service.settings import IncrementGateSettings


class Outcome(StrEnum):
    """Of a paired test of candidate against serving."""

    BETTER_OR_EQUAL = "better or equal"
    WORSE = "worse"
    INCONCLUSIVE = "inconclusive"


@dataclass(frozen=True)
class Hop:
    """How many new events an increment waits for, and how often it has failed in a row."""

    edges: int
    failures: int = 0

    def after(self, outcome: Outcome, settings: IncrementGateSettings, base_edges: int) -> "Hop":
        """Back to normal after a success; wider after a rejection or where nothing could be told."""
        if outcome is Outcome.BETTER_OR_EQUAL:
            return Hop(base_edges)
        failures = self.failures + (outcome is Outcome.WORSE)
        return Hop(min(self.edges * settings.widen, base_edges * settings.widen**4), failures)

    def wants_full_refresh(self, settings: IncrementGateSettings) -> bool:
        """Small steps keep failing: only a full refresh can tell what is wrong."""
        return self.failures >= settings.failures_before_refresh
