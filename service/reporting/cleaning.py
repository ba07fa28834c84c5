"""What the loads of a home rejected and repaired, counted from the quarantine."""

from pathlib import Path
from typing import Any

import polars as pl

_SCHEMA = {"outcome": pl.String, "reason": pl.String, "rows": pl.Int64}


def cleaning_counts(quarantine: Path) -> list[dict[str, Any]]:
    """Rows by outcome and reason, most first; nothing of the rows themselves."""
    files = sorted(quarantine.glob("*.jsonl")) if quarantine.is_dir() else []
    counted = [
        pl.read_ndjson(path, schema=_SCHEMA, ignore_errors=True)
        .group_by("outcome", "reason")
        .agg(pl.col("rows").sum())
        for path in files
        if path.stat().st_size
    ]
    if not counted:
        return []
    totals = pl.concat(counted).group_by("outcome", "reason").agg(pl.col("rows").sum())
    return totals.drop_nulls().sort(["rows", "outcome", "reason"], descending=[True, False, False]).to_dicts()
