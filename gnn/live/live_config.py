"""Settings of the live path over arrays."""

from dataclasses import dataclass, field

from gnn.live.influence import InfluenceCaps
from gnn.live.signal_difference import Tolerance


@dataclass(frozen=True)
class FoldLimits:
    """What one fold-in computes at once: the events' own items first, then those that moved most. The rest
    waits for the full recomputation and is counted (`rows_put_off`, `lists_put_off`)."""

    rows: int = 4000
    """Items whose counts and embedding are published."""
    entries: int = 150_000
    """Entries of the co-engagement rows that are computed: about 30 ms."""
    always: int = 20
    """Items whose lists are computed whatever their length."""
    products: int = 64
    """Items whose two- and three-hop paths are computed."""


@dataclass(frozen=True)
class LiveConfig:
    """How much is done at once, and how exact the published rows are."""

    caps: InfluenceCaps = field(default_factory=InfluenceCaps)
    """How far a user or a crowd moves an item."""
    tolerance: Tolerance = field(default_factory=Tolerance)
    """Rows that moved less are not published by a full recomputation."""
    limits: FoldLimits = field(default_factory=FoldLimits)
    """How much one fold-in does."""
