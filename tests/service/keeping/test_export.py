"""What `ilk export` writes, and that it is the shop again."""

import json
from pathlib import Path
from xml.etree import ElementTree as ET

import polars as pl
import pytest

from graph.formats import open_shop
from service.cli.command import run
from service.errors import CallerMistake
from service.home import Home
from service.intake.load import load
from service.keeping.export import ExportRequest, export
from service.nightly.refresh_result import RefreshResult
from service.releases.errors import NoRelease
from service.status import read_status
from service.stores import closing_both, open_log, open_store
from tests.service.conftest import trial_settings

Served = tuple[Path, RefreshResult]
COUNTS = ("items", "users", "events", "categories", "sequence")

ODD_ITEMS: list[dict[str, object]] = [
    {
        "item_id": "0017",
        "title": "A & B",
        "description": "two\nlines",
        "brand": "Ünï",
        "category": [["Home", "Lamps", "Desk"], ["Office"]],
        "price": 12.5,
        "currency": "EUR",
        "colour": "red",
        "sizes": [1, 2],
        "attributes": {"weight": {"kg": 2}},
    },
    {"item_id": "[x]\"'\\ 😀", "title": "odd id"},
    {"item_id": "bare"},
]
ODD_EVENTS: list[dict[str, object]] = [
    {"user_id": "u1", "item_id": "0017", "timestamp": 1_700_000_000, "event_type": "purchase", "quantity": 2},
    {"user_id": "u1", "item_id": "0017", "timestamp": 1_700_000_100, "event_type": "refund", "quantity": -2},
    {"session_id": "s 1", "item_id": "[x]\"'\\ 😀", "timestamp": 1_700_000_200},
    {
        "user_id": "u2",
        "item_id": "only in events",
        "timestamp": 1_700_000_300.25,
        "event_type": "review",
        "rating": 4.1,
        "helpful": 21,
        "review_text": "good\tthing — très bien",
        "event_id": "given",
    },
    {"user_id": "u3", "item_id": "bare", "timestamp": 631_152_000, "value": 0.1},
]


def write_jsonl(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


@pytest.fixture
def odd_home(tmp_path: Path) -> Path:
    write_jsonl(tmp_path / "odd" / "items.jsonl", ODD_ITEMS)
    write_jsonl(tmp_path / "odd" / "events.jsonl", ODD_EVENTS)
    report = load(tmp_path / "odd", trial_settings(tmp_path / "odd_home"))
    assert (report.items.accepted, report.events.accepted) == (3, 5)
    return tmp_path / "odd_home"


def counts(home: Path) -> dict[str, int]:
    status = read_status(trial_settings(home), Home(home))
    return {name: status[name] for name in COUNTS}


@pytest.mark.parametrize("file_format", ["parquet", "jsonl"])
def test_the_exported_shop_is_the_shop(odd_home: Path, tmp_path: Path, file_format: str) -> None:
    folder = tmp_path / "out"
    files = export(ExportRequest(folder, file_format=file_format), trial_settings(odd_home))
    assert [(file.what, file.rows) for file in files] == [("items", 4), ("events", 5)]
    assert not list(folder.glob(".*"))
    report = load(folder, trial_settings(tmp_path / "again"), format_name="ilk")
    assert not report.events.rejected
    assert not report.items.rejected
    assert counts(tmp_path / "again") == counts(odd_home)
    for name in ("items", "events"):
        old, new = (_everything(home, name) for home in (odd_home, tmp_path / "again"))
        assert old.equals(new), (old, new)


def _everything(home: Path, name: str) -> pl.DataFrame:
    log, store = open_log(Home(home)), open_store(trial_settings(home), Home(home))
    with closing_both(log, store):
        return store.items() if name == "items" else log.read(0)


def test_a_whole_shop_goes_out_and_in(served_home: Served, tmp_path: Path) -> None:
    home, _ = served_home
    export(ExportRequest(tmp_path / "out"), trial_settings(home))
    assert open_shop(tmp_path / "out").format == "ilk"
    load(tmp_path / "out", trial_settings(tmp_path / "again"))
    assert counts(tmp_path / "again") == counts(home)


def test_gone_is_gone(odd_home: Path, tmp_path: Path) -> None:
    settings = trial_settings(odd_home)
    log, store = open_log(Home(odd_home)), open_store(settings, Home(odd_home))
    with closing_both(log, store):
        store.delete_item("bare")
        store.delete_user("u2")
        log.erase_user("u2")
    export(ExportRequest(tmp_path / "out", file_format="jsonl"), settings)
    written = "".join(path.read_text("utf-8") for path in (tmp_path / "out").iterdir())
    assert "u2" not in written
    assert "très bien" not in written
    assert '"bare"' not in written
    assert written.count('"timestamp"') == 3


def test_neighbours_are_those_that_are_served(served_home: Served, tmp_path: Path) -> None:
    home, result = served_home
    out = tmp_path / "neighbours.parquet"
    (file,) = export(ExportRequest(out, ("neighbours",), k=5), trial_settings(home))
    rows = pl.read_parquet(out)
    assert file.rows == rows.height == 5 * counts(home)["items"]
    assert rows["model_version"].unique().to_list() == [result.release]
    first = rows["item_id"][0]
    answer_file = tmp_path / "answer.json"
    assert run(["--home", str(home), "similar", first, "-k", "5", "--json", str(answer_file)]) == 0
    served = [row["item_id"] for row in json.loads(answer_file.read_text("utf-8"))["results"]]
    assert rows.filter(pl.col("item_id") == first).sort("rank")["neighbour_id"].to_list() == served


def test_neighbours_need_a_release(odd_home: Path, tmp_path: Path) -> None:
    with pytest.raises(NoRelease):
        export(ExportRequest(tmp_path / "n.jsonl", ("neighbours",), "jsonl"), trial_settings(odd_home))
    assert not list(tmp_path.glob("*n.jsonl*"))


def test_a_piece_of_the_graph_is_bounded(served_home: Served, tmp_path: Path) -> None:
    home, _ = served_home
    out = tmp_path / "piece.graphml"
    request = ExportRequest(out, ("graph",), "graphml", item_id="S0000", hops=1, per_node=4)
    (file,) = export(request, trial_settings(home))
    nodes = ET.parse(out).getroot().findall(".//{*}node")
    words = [[data.text or "" for data in node.findall("{*}data")] for node in nodes]
    assert any(kind == "item" and label and label != key for kind, key, label in words), (
        "no item has its title"
    )
    assert file.rows == len(nodes)
    assert 2 <= len(nodes) <= 5


def test_commands_write_files_and_say_what(
    odd_home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "events.jsonl"
    asked = ["--home", str(odd_home), "export", "--what", "events", "--out", str(out), "--json", "-"]
    assert run(asked) == 0
    (file,) = json.loads(capsys.readouterr().out)["files"]
    assert file == {"what": "events", "path": str(out), "rows": 5, "bytes": out.stat().st_size}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--what", "graph", "--out", "g.graphml"], "--item"),
        (["--what", "items", "--out", "x.graphml"], "graphml"),
        (["--what", "items", "--out", "x.jsonl", "--format", "parquet"], "its name says jsonl"),
        (["--out", "x.jsonl"], "need a folder"),
        (["--what", "graph", "--item", "nobody", "--out", "g.graphml"], "no such item"),
        (["--what", "graph", "--item", "bare", "--hops", "9", "--out", "g.graphml"], "--hops"),
    ],
)
def test_mistakes_are_told_in_one_line(
    odd_home: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert run(["--home", str(odd_home), "export", *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line


def test_a_place_that_cannot_be_written_is_named(odd_home: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    with pytest.raises(CallerMistake, match="--out"):
        export(ExportRequest(tmp_path / "file" / "x.parquet", ("items",)), trial_settings(odd_home))
