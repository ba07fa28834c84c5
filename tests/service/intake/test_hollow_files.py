"""Files that hold no row: a mistake in a first load, an ordinary delivery in a home with items."""

import json
from pathlib import Path

import polars as pl
import pytest

from graph.formats import open_shop
from service.cli.command import run

ITEMS, EVENTS = "item_id,title\n", "user_id,item_id,timestamp\n"


def shop(folder: Path, items: str, events: str) -> Path:
    folder.mkdir()
    (folder / "items.csv").write_text(ITEMS + items, "utf-8")
    (folder / "events.csv").write_text(EVENTS + events, "utf-8")
    return folder


def load(home: Path, path: Path) -> int:
    return run(["--home", str(home), "load", str(path)])


def test_nothing_at_all_is_a_mistake_in_an_empty_home_and_fine_in_another(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hollow, whole = (
        shop(tmp_path / "hollow", "", ""),
        shop(tmp_path / "whole", "a,Lamp\n", "u,a,1700000000\n"),
    )
    assert load(tmp_path / "home", hollow) == 2
    told = capsys.readouterr()
    assert "events.csv, items.csv: no row" in told.err
    assert told.err.count("\n") == 1
    assert "note       items.csv: holds no row" in told.out
    assert load(tmp_path / "home", whole) == 0
    assert "holds no row" not in capsys.readouterr().out
    assert load(tmp_path / "home", hollow) == 0, "an empty nightly delivery"
    told = capsys.readouterr()
    assert not told.err
    assert "note       events.csv: holds no row" in told.out


def test_a_first_load_without_its_catalogue_says_so_after_the_events(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "told.json"
    path = str(shop(tmp_path / "shop", "", "u,a,1700000000\nv,b,1700000001\n"))
    assert run(["--home", str(tmp_path / "home"), "load", path, "--json", str(report)]) == 1
    assert "items.csv holds no row; load the items" in capsys.readouterr().err
    told = json.loads(report.read_text("utf-8"))
    assert told["events"]["accepted"] == 2
    assert told["files"]["items.csv"]["items"]["read"] == 0
    assert told["notes"] == ["items.csv: holds no row"]
    assert load(tmp_path / "home", Path(path)) == 0, "the home holds what the events name"


def test_events_alone_are_a_shop(tmp_path: Path) -> None:
    (tmp_path / "events.csv").write_text(EVENTS + "u,a,1700000000\n", "utf-8")
    assert load(tmp_path / "home", tmp_path / "events.csv") == 0


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_reader_names_every_file_also_one_without_rows(tmp_path: Path, kind: str) -> None:
    for name, header in (("items", ITEMS), ("events", EVENTS)):
        if kind == "csv":
            (tmp_path / f"{name}.csv").write_text(header, "utf-8")
        else:
            schema = dict.fromkeys(header.strip().split(","), pl.String())
            pl.DataFrame(schema=schema).write_parquet(tmp_path / f"{name}.parquet")
    reader = open_shop(tmp_path)
    for batches, name in ((reader.items(), "items"), (reader.events(), "events")):
        found = list(batches)
        assert {batch.file for batch in found} == {f"{name}.{kind}"}
        assert sum(batch.read for batch in found) == 0
