"""`ilk release`: list, show, diff, rollback."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.cli.command import run
from service.home import Home
from service.stores import open_log
from tests.service.release_toys import ToyShop, publish, toy_store


@pytest.fixture
def told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., dict[str, Any]]:
    """Call `ilk release ...` on a home; returns its JSON."""
    home = Home(tmp_path / "home")
    home.create()
    open_log(home).close()

    def call(*args: str) -> dict[str, Any]:
        assert run(["--home", str(home.root), "release", *args, "--json", "-"]) == 0
        body: dict[str, Any] = json.loads(capsys.readouterr().out)
        return body

    return call


def test_releases_are_listed_compared_and_gone_back_to(
    told: Callable[..., dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    releases = toy_store(tmp_path / "home" / "releases")
    first, second = publish(releases, ToyShop(), 7), publish(releases, ToyShop(n=41), 9)
    assert [row["version"] for row in told("list")["releases"]] == [second, first]
    assert told("show")["version"] == second
    assert told("show", first)["events_through"] == 7
    changed = told("diff", first)
    assert changed["items"] == {"before": 40, "after": 41}
    assert "encoder_fingerprint" not in changed
    assert told("rollback") == {"release": first, "before": second}
    assert releases.current_version() == first
    assert told("rollback", second) == {"release": second, "before": first}
    for args in (("list",), ("show", first), ("diff", first), ("rollback", first)):
        assert run(["--home", str(tmp_path / "home"), "release", *args]) == 0
        assert first in capsys.readouterr().out
    assert run(["--home", str(tmp_path / "home"), "release", "show", "r000009-abcdef"]) == 2
    assert first in capsys.readouterr().err
