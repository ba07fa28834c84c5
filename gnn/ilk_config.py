"""Every setting of Ilk's own model, with the reason for its default."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self

from gnn.co_engagement import CoEngagementConfig
from gnn.embedding_config import EmbeddingConfig
from gnn.mix_config import (
    CoEngagedShareConfig,
    ListLearningConfig,
    Mix,
    MixConfig,
    PopularityShareConfig,
    RelationConfig,
    StratifiedConfig,
    TrendShareConfig,
)
from gnn.neighbour_regression import RegressionConfig
from gnn.objective import Objective
from gnn.similar_features import TREND_NAMES
from gnn.text_space import TextSpaceConfig
from gnn.training_config import TrainingConfig
from gnn.typed_paths import FIRST_WALK, PathConfig
from gnn.user_features import USER_FEATURES, UserConfig

DEFAULT_NEXT: Mix = {
    "text": 0.4,
    "text_rare": 0.2,
    "embedding": 0.8,
    "co_engaged": 0.5,
    "text_co_engaged": 0.1,
    "co_engaged_text": 0.1,
    "text_co_engaged_text": 0.05,
    "paths_rare": 0.4,
    "trend_season": 0.3,
    "trend_weeks": 0.3,
    "trend_days": 0.1,
    "trend_always": 0.3,
    "same_category": 0.05,
    "same_brand": 0.0,
}
DEFAULT_TOGETHER: Mix = {
    "text": 0.25,
    "text_rare": 0.2,
    "embedding": 1.1,
    "co_engaged": 1.3,
    "text_co_engaged": 0.1,
    "co_engaged_text": 0.05,
    "text_co_engaged_text": 0.0,
    "paths_rare": 0.0,
    "trend_season": 0.35,
    "trend_weeks": 0.1,
    "trend_days": 0.0,
    "trend_always": 0.0,
    "same_category": 0.1,
    "same_brand": 0.1,
}
DEFAULT_RELATED: Mix = {
    "text": 0.5,
    "text_rare": 0.1,
    "embedding": 0.2,
    "co_engaged": 0.5,
    "text_co_engaged": 0.2,
    "co_engaged_text": 0.1,
    "text_co_engaged_text": 0.1,
    "paths_rare": 0.0,
    "trend_season": 0.0,
    "trend_weeks": 0.0,
    "trend_days": 0.0,
    "trend_always": 0.05,
    "same_category": 0.2,
    "same_brand": 0.2,
}
DEFAULT_USERS: Mix = dict(
    zip(USER_FEATURES, [0.3, 0.2, 0.1, 0.3, 0.3, 0.1, 0.2, 0.0, 0.3, 0.3, 0.4, 0.3, 0.0], strict=True)
)


def _default_mixes() -> dict[Objective, Mix]:
    return {
        Objective.RELATED: dict(DEFAULT_RELATED),
        Objective.TOGETHER: dict(DEFAULT_TOGETHER),
        Objective.NEXT: dict(DEFAULT_NEXT),
    }


_GONE = {
    "mix": {"samples"},
    "together_learning": {"samples"},
    "relation_learning": {"samples", "moved", "min_gain"},
}
"""Settings that older releases carry and that decide nothing any more."""


@dataclass(frozen=True)
class IlkConfig:
    """Settings of `IlkModel`; one set of defaults for every shop."""

    text: TextSpaceConfig = field(default_factory=TextSpaceConfig)
    """The text channel."""
    co_engagement: CoEngagementConfig = field(default_factory=CoEngagementConfig)
    """The co-engagement relation."""
    paths: PathConfig = field(default_factory=PathConfig)
    """Products of relations."""
    regression: RegressionConfig = field(default_factory=RegressionConfig)
    """Which items of a history speak for a target."""
    embedding: EmbeddingConfig = field(default_factory=EmbeddingConfig)
    """The trained graph network."""
    training: TrainingConfig = field(default_factory=TrainingConfig)
    """How it is trained."""
    users: UserConfig = field(default_factory=UserConfig)
    """How a history becomes a user."""
    mix: MixConfig = field(
        default_factory=lambda: MixConfig(prior=3.0, trust=1.0, min_gain=1.5, moved=TREND_NAMES)
    )
    """How the mix of `next` is learned: its trends alone. What a thousand pairs of one block teach about
    relations and texts is wrong in the next block more often than not (`docs/model-tried.md`)."""
    trend_share: TrendShareConfig = field(default_factory=TrendShareConfig)
    """When `next` makes less or more of the trends than shipped or learned."""
    relation_learning: RelationConfig = field(default_factory=RelationConfig)
    """How `next` then learns the weights of its relations, where the block has many pairs and `stratified`
    has not moved them."""
    together_learning: MixConfig = field(default_factory=lambda: MixConfig(prior=10.0, trust=0.5))
    """How the mix of `together` is learned: every weight, half of the move."""
    co_engaged_share: CoEngagedShareConfig = field(default_factory=CoEngagedShareConfig)
    """When `together` then makes more of co-engagement."""
    popularity_share: PopularityShareConfig = field(default_factory=PopularityShareConfig)
    """When `together` then makes less of popularity."""
    stratified: StratifiedConfig = field(default_factory=StratifiedConfig)
    """When both then make more of what leads to rarer targets."""
    user_lists: ListLearningConfig = field(default_factory=ListLearningConfig)
    """How the users' mix is learned: what users turn to shifts less between blocks than what follows an item,
    so every weight moves, as far as lists of the newest block get better by it."""
    mixes: dict[Objective, Mix] = field(default_factory=_default_mixes)
    """Shipped weights per objective: where learning starts, and what small shops keep."""
    user_mix: Mix = field(default_factory=lambda: dict(DEFAULT_USERS))
    """The same for users."""
    evidence_kappa: float = 3.0
    """Events at which an item counts as half known."""
    use_embedding: bool = True
    """Off: no network is trained, its features are 0 (for ablations)."""
    use_paths: bool = True
    """Off: no typed paths (for ablations)."""
    use_trend: bool = True
    """Off: no trend features (for ablations)."""
    learn_mix: bool = True
    """Off: the shipped weights stay."""

    def to_json(self) -> dict[str, Any]:
        """JSON-able form."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`."""
        sections = {
            "text": TextSpaceConfig,
            "co_engagement": CoEngagementConfig,
            "paths": PathConfig,
            "regression": RegressionConfig,
            "embedding": EmbeddingConfig,
            "training": TrainingConfig,
            "users": UserConfig,
            "mix": MixConfig,
            "trend_share": TrendShareConfig,
            "relation_learning": RelationConfig,
            "together_learning": MixConfig,
            "co_engaged_share": CoEngagedShareConfig,
            "popularity_share": PopularityShareConfig,
            "stratified": StratifiedConfig,
            "user_lists": ListLearningConfig,
        }
        values = {**values, "paths": FIRST_WALK | values["paths"]}
        values.pop("user_learning", None)  # releases from before `user_lists`; their mix is learned already
        for name, gone in _GONE.items():
            if name in values:
                values[name] = {key: value for key, value in values[name].items() if key not in gone}
        fields = {
            name: sections[name](**value) if name in sections else value for name, value in values.items()
        }
        fields["mixes"] = {Objective(name): dict(mix) for name, mix in values["mixes"].items()}
        return cls(**fields)
