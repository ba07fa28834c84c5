"""Settings of the live path over arrays."""

from dataclasses import dataclass, field

from gnn.live.influence import InfluenceCaps
from gnn.live.signal_difference import Tolerance


@dataclass(frozen=True)
class LiveConfig:
    """How much is done at once, and how exact the published rows are."""

    caps: InfluenceCaps = field(default_factory=InfluenceCaps)
    """How far a user or a crowd moves an item."""
    tolerance: Tolerance = field(default_factory=Tolerance)
    """Rows that moved less are not published by a full recomputation."""
    most_rows: int = 4000
    """Items whose rows one fold-in computes; the event's own items come first, what is beyond waits for the
    full recomputation and is counted."""
    most_products: int = 500
    """Items whose two- and three-hop paths one fold-in computes, likewise."""
