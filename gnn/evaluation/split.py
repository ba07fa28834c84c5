"""Where training ends and the test begins: positions in the event columns."""

from dataclasses import dataclass

from gnn.evaluation.errors import UnfitData

MAX_WINDOWS = 5
"""With five windows of a tenth each, the earliest model still learns from half of the events."""


@dataclass(frozen=True)
class Split:
    """Models learn from events 0..fit_stop-1; events fit_stop..test_stop-1 judge them."""

    fit_stop: int
    test_stop: int

    def __post_init__(self) -> None:
        if not 0 < self.fit_stop < self.test_stop:
            raise UnfitData(f"no events to learn from or none to test on: {self.fit_stop}, {self.test_stop}")


def temporal_splits(n_events: int, windows: int) -> tuple[Split, ...]:
    """Test windows of a tenth of the events, the last one ending at 100 %, earlier ones a tenth sooner each.

    Raises `UnfitData` for fewer than ten events or more than `MAX_WINDOWS` windows.
    """
    if not 1 <= windows <= MAX_WINDOWS:
        raise UnfitData(f"windows must be 1 to {MAX_WINDOWS}, not {windows}")
    tenths = range(11 - windows, 11)
    return tuple(Split(n_events * (end - 1) // 10, n_events * end // 10) for end in tenths)
