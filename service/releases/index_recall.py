"""What a release says of its search index, and what to do where that misses much."""

from collections.abc import Mapping
from typing import Any

LEAST_RECALL = 0.99
"""Of the ten nearest rows of the model's own questions; a shop's rows and weights leave .998 and more."""
SAMPLED_ITEMS = 160
"""Items whose questions are asked for that, by every objective."""


def index_metrics(kind: str, recall: float) -> dict[str, Any]:
    """`metrics.index` of a manifest.

    kind: the setting. recall: share of the ten nearest rows that are found.
    """
    found = {"kind": kind, "recall@10": recall}
    warning = index_warning(found)
    return found if warning is None else {**found, "warning": warning}


def index_warning(found: Mapping[str, Any] | None) -> str | None:
    """What a person should know of `metrics.index`, and do; `None` where it finds enough or says nothing."""
    recall = (found or {}).get("recall@10")
    if recall is None or recall >= LEAST_RECALL:
        return None
    return (
        f"the search index finds {recall:.1%} of the nearest items (at least {LEAST_RECALL:.0%} are wanted): "
        'set index.kind = "flat", which compares every item and misses none, then run `ilk refresh`'
    )
