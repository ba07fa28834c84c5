"""A home has a name of its own, for a graph that lies outside it."""

from pathlib import Path

from service.home import Home


def test_names_stay_and_differ(tmp_path: Path) -> None:
    one, other = Home(tmp_path / "one"), Home(tmp_path / "other")
    assert one.name() == Home(one.root).name() != other.name()
    assert sorted(path.name for path in one.root.iterdir()) == ["cache", "name"]
