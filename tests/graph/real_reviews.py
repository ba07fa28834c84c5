"""Reviews of a real shop as its files have them, counted without any of the project's code."""

from collections import Counter
from pathlib import Path

import polars as pl

Pair = tuple[str, str]


class RealReviews:
    """Who reviewed what in Amazon electronics."""

    def __init__(self, folder: Path) -> None:
        """folder: `amazon23-electronics`."""
        files = [pl.read_parquet(folder / f"{name}.parquet") for name in ("train", "val", "test")]
        self.rows = pl.concat(files).select("user_id", "item_id", "timestamp", "rating")
        users = self.rows.group_by("item_id").agg("user_id")
        self.users = {item: set(found) for item, found in users.iter_rows()}
        """Item -> its reviewers."""

    def shared(self, pair: Pair) -> int:
        """Reviewers of both items."""
        return len(self.users[pair[0]] & self.users[pair[1]])

    def pairs(self) -> list[Pair]:
        """Twenty: ten that share most, five that share exactly two reviewers, five exactly one."""
        popular = sorted(self.users, key=lambda item: (-len(self.users[item]), item))[:60]
        counts = Counter(
            {(a, b): self.shared((a, b)) for n, a in enumerate(popular) for b in popular[n + 1 :]}
        )
        by_count = sorted(counts, key=lambda pair: (-counts[pair], pair))
        few = [[pair for pair in by_count if counts[pair] == wanted][:5] for wanted in (2, 1)]
        return by_count[:10] + few[0] + few[1]
