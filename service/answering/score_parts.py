"""What a score is made of, in parts that people understand."""

from collections.abc import Mapping

from gnn.objective import Objective
from gnn.served_model import ServedModel
from gnn.shop_arrays import IntArray
from gnn.similar_features import ITEM_PATHS, TREND_NAMES

GROUPS: dict[str, tuple[str, ...]] = {
    "text": ("text", "text_rare"),
    "shared_shoppers": (*ITEM_PATHS, "paths_rare"),
    "category": ("same_category",),
    "brand": ("same_brand",),
    "trend": TREND_NAMES,
    "embedding": ("embedding",),
}
"""Part of a score -> the features that make it up (`gnn.similar_features`)."""


def grouped(features: Mapping[str, float]) -> dict[str, float]:
    """Features' parts of a score, summed by `GROUPS`; features of no group are one by their own name."""
    group_of = {name: group for group, names in GROUPS.items() for name in names}
    parts: dict[str, float] = {}
    for name, value in features.items():
        group = group_of.get(name, name)
        parts[group] = parts.get(group, 0.0) + value
    return parts


def split_scores(
    model: ServedModel, query: int, rows: IntArray, objective: Objective
) -> list[dict[str, float]]:
    """The parts (by `GROUPS`) of the scores of some neighbours of an item."""
    by_feature = model.contributions(query, rows, objective)
    return [
        grouped({name: float(values[place]) for name, values in by_feature.items()})
        for place in range(len(rows))
    ]
