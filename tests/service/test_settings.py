"""Settings come from one place each, and say which."""

from pathlib import Path

import pytest

from graph.event_type import EventType
from service.errors import BadSettings
from service.settings import load_settings, settings_with_origin


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("ILK_HOME", "ILK_SERVE__PORT", "ILK_GRAPH__URL", "ILK_GRAPH__PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_file_below_environment_below_flags(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "ilk.toml").write_text("[serve]\nport = 1111\nworkers = 3\n", "utf-8")
    assert load_settings().serve.port == 1111
    monkeypatch.setenv("ILK_SERVE__PORT", "2222")
    assert load_settings().serve.port == 2222
    assert load_settings(flags={"serve": {"port": 3333}}).serve.port == 3333
    assert load_settings(flags={"serve": {"port": 3333}}).serve.workers == 3


def test_the_homes_own_file_wins_over_the_current_folders(folder: Path) -> None:
    home = folder / "home"
    home.mkdir()
    (folder / "ilk.toml").write_text("[model]\nseed = 1\n", "utf-8")
    (home / "ilk.toml").write_text("[model]\nseed = 2\n", "utf-8")
    assert load_settings(home).model.seed == 2


def test_origins_and_masked_secrets(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "ilk.toml").write_text("[graph]\nurl = 'neo4j://example:7687'\n", "utf-8")
    monkeypatch.setenv("ILK_GRAPH__PASSWORD", "hunter2")
    rows = {
        name: (value, origin) for name, value, origin in settings_with_origin(flags={"serve": {"port": 5}})
    }
    assert rows["graph.url"] == ("neo4j://example:7687", "ilk.toml")
    assert rows["serve.port"] == (5, "flag")
    assert rows["graph.password"][1] == "environment"
    assert "hunter2" not in str(rows)
    assert rows["model.seed"] == (0, "default")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[serve]\nport = 'x'\n", "serve.port"),
        ("[serve]\nprot = 1\n", "serve.prot"),
        ("[nonsense]\na = 1\n", "nonsense"),
        ("[graph]\nurl = 'mysql://x'\n", "graph.url"),
        ("[graph]\nurl = 'http://localhost:7474'\n", "Bolt address such as bolt://127.0.0.1:7687"),
        ("[weights]\npurchase = -1\n", "weights"),
        ("[weights]\npurchase = nan\n", "weights are 0 or from 0.000001 to 1,000,000"),
        ("[weights]\npurchase = inf\n", "weights are 0 or from"),
        ("[weights]\nview_item = 1e-30\n", "weights are 0 or from"),
        ("[increment]\nrest = inf\n", "increment.rest"),
        ("not toml", "ilk.toml"),
    ],
)
def test_a_wrong_setting_is_named_in_one_line(folder: Path, text: str, named: str) -> None:
    (folder / "ilk.toml").write_text(text, "utf-8")
    with pytest.raises(BadSettings) as caught:
        load_settings()
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_weights_that_are_not_named_keep_their_default(folder: Path) -> None:
    (folder / "ilk.toml").write_text("[weights]\npurchase = 5\n", "utf-8")
    weights = load_settings().weights
    assert weights[EventType.PURCHASE] == 5
    assert weights[EventType.VIEW_ITEM] == 1
