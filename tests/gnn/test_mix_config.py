"""Settings of how mixes are learned and their weights chosen: checked by name, kept whole in a release."""

from dataclasses import replace
from typing import Any

import pytest

from gnn.ilk_config import IlkConfig
from gnn.mix_config import (
    CoEngagedShareConfig,
    PopularityShareConfig,
    TrendShareConfig,
    WeightChoiceConfig,
)

SECTIONS: dict[str, dict[str, Any]] = {
    "relation_learning": {"pairs": 7, "contenders": 9, "min_carried": 3.0},
    "co_engaged_share": {"factors": (1.5,)},
    "popularity_share": {"amounts": (0.25,)},
    "stratified": {"power": 0.5, "spent": 0.01},
    "trend_share": {"shares": (0.5,), "larger": (2.0,), "spreads": ((0.0, 0.0, 1.0, 0.0),)},
}


@pytest.mark.parametrize("section", SECTIONS)
def test_settings_survive_json_and_older_releases_lack_them(section: str) -> None:
    shipped = IlkConfig()
    changed: dict[str, Any] = {section: replace(getattr(shipped, section), **SECTIONS[section])}
    config = replace(shipped, **changed)
    values = config.to_json()
    assert IlkConfig.from_json(values) == config != shipped
    del values[section]
    assert IlkConfig.from_json(values) == shipped


@pytest.mark.parametrize(
    ("config", "tried"),
    [
        (CoEngagedShareConfig(), {"factors": (0.5,)}),
        (PopularityShareConfig(), {"amounts": (-0.1,)}),
        (TrendShareConfig(), {"risked": 1.5}),
    ],
    ids=["co_engaged_share", "popularity_share", "trend_share"],
)
def test_how_a_weight_is_chosen_is_checked_by_name(config: WeightChoiceConfig, tried: dict[str, Any]) -> None:
    wrong = (
        ("pairs", -1),
        ("pairs", 1.5),
        ("max_cells", 0),
        ("min_pairs", 0),
        ("min_gain", -1.0),
        ("spent", 1.5),
    )
    for name, value in (*tried.items(), *wrong):
        with pytest.raises(ValueError, match=config.named.format(name)):
            replace(config, **{name: value})
