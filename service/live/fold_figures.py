"""What is shown of the folding."""

from dataclasses import dataclass


@dataclass
class FoldFigures:
    """All since the process started."""

    folded: int = 0
    """Events folded in one by one."""
    fold_seconds: float = 0.0
    """Time of the last fold-in."""
    propagate_seconds: float = 0.0
    """Time of the last full recomputation, from its beginning to its being served."""
    reloads: int = 0
    """Times the mirror was read anew from the store while its release went on."""
    followed: int = 0
    """Releases that the mirror went on to without being read anew."""
    missing_texts: int = 0
    """Items whose text could not be encoded yet."""
    healed: int = 0
    """Segments that were replaced because a record in them was torn."""

    def inherit(self, before: "FoldFigures") -> None:
        """Go on counting where another folding of the same process ended."""
        self.folded += before.folded
        self.reloads += before.reloads
        self.followed += before.followed
        self.healed = max(self.healed, before.healed)
