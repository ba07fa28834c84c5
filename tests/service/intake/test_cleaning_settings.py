"""The rules of cleaning are the shop's choice, whichever way its files come in."""

from pathlib import Path
from typing import Any

import pytest

from service.errors import BadSettings
from service.home import Home
from service.intake.load import load
from service.intake.sync import sync
from service.settings import Settings, load_settings
from service.stores import closing_both, open_store
from tests.service.conftest import TRIAL_FLAGS

ROWS = "item_id,title,description\n1,<span>x</span>,A  &amp; <b>B</b>\n2,<span>,\n"


def settings(home: Path, **sections: Any) -> Settings:
    return load_settings(home, {**TRIAL_FLAGS, **sections})


def texts(one: Settings) -> dict[str, tuple[str, str]]:
    store = open_store(one, Home(one.home))
    with closing_both(store):
        return {row["item_id"]: (row["title"], row["description"]) for row in store.items().rows(named=True)}


def test_rules_can_be_switched_off(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text(ROWS, "utf-8")
    shipped = settings(tmp_path / "a")
    report = load(tmp_path / "items.csv", shipped)
    assert texts(shipped) == {"1": ("x", "A & B"), "2": ("", "")}
    assert report.items.repaired == {"html_tags": 1, "html_entities": 1, "html_title": 1, "whitespace": 1}
    off = dict.fromkeys(("unescape_html", "strip_tags", "blank_markup_titles", "collapse_whitespace"), False)
    raw = settings(tmp_path / "b", cleaning=off)
    assert load(tmp_path / "items.csv", raw).items.repaired == {}
    assert texts(raw) == {"1": ("<span>x</span>", "A  &amp; <b>B</b>"), "2": ("<span>", "")}


def test_sync_follows_them(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text(ROWS, "utf-8")
    source = {"name": "feed", "path": str(tmp_path / "items.csv")}
    cut = settings(tmp_path / "home", sources=[source], cleaning={"max_text_chars": 1})
    (report,) = sync(cut)
    assert report.load.items.repaired["text_cut"] == 1
    assert texts(cut)["1"] == ("x", "A")


def test_unknown_rules_are_named(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="cleaning"):
        settings(tmp_path, cleaning={"strip_emoji": True})
