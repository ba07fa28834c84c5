"""What "similar" is to mean in an answer."""

from enum import StrEnum


class Objective(StrEnum):
    """Closed set of read-outs of one model."""

    RELATED = "related"
    """Things of that ilk: substitutes and close relatives."""
    TOGETHER = "together"
    """What goes into the same basket."""
    NEXT = "next"
    """What the shopper turns to afterwards; follows trends."""
