"""What counts more, clicks or purchases, is the shop's choice: a planted shop turns with it."""

import json
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from service.api import create_app
from service.intake.load import load
from service.nightly.refresh import refresh
from service.serving import make_deps
from service.settings import Settings, load_settings
from tests.service.conftest import TRIAL_FLAGS, quiet

QUERY = "query"
LOOKED_AT = [f"looked-at-{n}" for n in range(3)]
BOUGHT = [f"bought-{n}" for n in range(3)]
OTHERS = [f"other-{n}" for n in range(14)]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """40 shoppers look at the query and the looked-at ones, 20 buy it with the bought ones; all titles are
    the same.
    """
    folder = tmp_path / "files"
    folder.mkdir()
    rows: list[dict[str, Any]] = []
    for user in range(120):
        buys = 40 <= user < 60
        items = [QUERY, *(BOUGHT if buys else LOOKED_AT)] if user < 60 else OTHERS[user % 7 :: 2]
        for place, item in enumerate(items):
            kind = "purchase" if buys else "view_item"
            at = 1_700_000_000 + 977 * ((user * 31) % 120) + place
            rows.append({"user_id": f"u{user}", "item_id": item, "timestamp": at, "event_type": kind})
    cards = [{"item_id": one, "title": "Thing"} for one in (QUERY, *LOOKED_AT, *BOUGHT, *OTHERS)]
    for name, lines in (("events", rows), ("items", cards)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines), "utf-8")
    return folder


def settings_with(home: Path, **weights: float) -> Settings:
    return load_settings(home, {**TRIAL_FLAGS, "weights": weights})


def first_three(settings: Settings) -> set[str]:
    with TestClient(create_app(make_deps(settings))) as client:
        answer = client.get(f"/v1/items/{QUERY}/similar?k=3").json()
    return {row["item_id"] for row in answer["results"]}


def test_purchase_over_view_reorders_a_shop_that_is_loaded_already(tmp_path: Path, files: Path) -> None:
    home = tmp_path / "home"
    views = settings_with(home, view_item=1.0, purchase=0.05)
    load(files, views)
    assert refresh(views, quiet()).published
    assert first_three(views) == set(LOOKED_AT)
    purchases = settings_with(home, view_item=0.05, purchase=1.0)
    done = refresh(purchases, quiet())
    assert done.published, done.reason
    assert first_three(purchases) == set(BOUGHT)
    assert refresh(purchases, quiet()).reason == "unchanged"
    refresh(views, quiet())
    assert first_three(views) == set(LOOKED_AT)
