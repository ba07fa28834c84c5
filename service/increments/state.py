"""What increments remember of each other: a small file in the home."""

import json
from dataclasses import dataclass

from service.home import Home
from service.increments.hop import Hop
from service.releases.manifest import ReleaseManifest

TRAINED_THROUGH = "trained_through"
"""In a release's configuration: the newest event that its weights learned from."""


def trained_through(manifest: ReleaseManifest) -> int:
    """Sequence number of the newest event that the weights of a release learned from."""
    return int(manifest.config.get(TRAINED_THROUGH, manifest.events_through))


@dataclass(frozen=True)
class IncrementState:
    """What increments remember of each other; a small file in the home."""

    hop: Hop
    through: int = 0
    """Newest event that an increment was published or rejected with."""

    @classmethod
    def read(cls, home: Home, edges: int) -> "IncrementState":
        """As it was left; fresh where there is none or it cannot be read."""
        try:
            values = json.loads(home.increments.read_text("utf-8"))
            return cls(Hop(int(values["edges"]), int(values["failures"])), int(values["through"]))
        except (OSError, ValueError, KeyError, TypeError):
            return cls(Hop(edges))

    def write(self, home: Home) -> None:
        """Keep it."""
        temporary = home.increments.with_suffix(".tmp")
        values = {"edges": self.hop.edges, "failures": self.hop.failures, "through": self.through}
        temporary.write_text(json.dumps(values), "utf-8")
        temporary.replace(home.increments)
