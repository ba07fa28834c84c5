"""The command line as users meet it: answers, exit codes, one-line errors."""

import gzip
import json
import shutil
import signal
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.e2e.conftest import Run, trial_environment

EVENT = '{"user_id": "u", "item_id": "a", "timestamp": 1700000000}\n'
ODD_ID = "a/b?c=\"d\"&<script>alert('é😀')</script>`}) DETACH DELETE n //"


def test_similar_answers_and_says_how_fresh(ilk: Run, small_home: Path) -> None:
    done = ilk("--home", small_home, "similar", "S0000", "-k", "5", "--json", "-")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert len(answer["results"]) == 5
    assert answer["item_id"] not in {row["item_id"] for row in answer["results"]}
    scores = [row["score"] for row in answer["results"]]
    assert scores == sorted(scores, reverse=True)
    assert {"model_version", "index_version", "events_through"} <= set(answer)


def test_recommend_masks_what_was_seen(ilk: Run, small_home: Path, small_shop: Path) -> None:
    events = [json.loads(line) for line in (small_shop / "events.jsonl").read_text("utf-8").splitlines()]
    user = events[0]["user_id"]
    seen = {event["item_id"] for event in events if event["user_id"] == user}
    done = ilk("--home", small_home, "recommend", user, "--json", "-")
    assert done.returncode == 0, done.stderr
    found = {row["item_id"] for row in json.loads(done.stdout)["results"]}
    assert len(found) == 10
    assert not found & seen


def test_explain_shows_parts_and_writes_graphml(ilk: Run, small_home: Path, tmp_path: Path) -> None:
    near = json.loads(ilk("--home", small_home, "similar", "S0000", "-k", "1", "--json", "-").stdout)
    other, graphml = near["results"][0]["item_id"], tmp_path / "why.graphml"
    done = ilk("--home", small_home, "explain", "S0000", other, "--graphml", graphml, "--json", "-")
    assert done.returncode == 0, done.stderr
    explanation = json.loads(done.stdout)
    assert explanation["score"] == pytest.approx(near["results"][0]["score"], abs=1e-4)
    assert sum(explanation["parts"].values()) == pytest.approx(explanation["score"], abs=1e-4)
    assert "graphml" in graphml.read_text("utf-8")
    assert "shopper-" not in done.stdout + graphml.read_text("utf-8")
    shown = ilk("--home", small_home, "explain", "S0000", other)
    assert shown.returncode == 0, shown.stderr
    assert ":params {a: " in shown.stdout
    same = ilk("--home", small_home, "explain", "S0000", "S0000")
    assert same.returncode == 2
    assert len(same.stderr.strip().splitlines()) == 1


def test_status_counts(ilk: Run, small_home: Path, small_shop: Path) -> None:
    done = ilk("--home", small_home, "status", "--json", "-")
    status = json.loads(done.stdout)
    rows = len((small_shop / "events.jsonl").read_text("utf-8").splitlines())
    assert status["events"] == status["sequence"] == status["visible_sequence"] == rows
    assert status["store"]["ok"]
    assert status["release"]["current"]
    shown = ilk("--home", small_home, "status").stdout
    assert f"{rows:,}" in shown
    assert status["release"]["version"] in shown
    assert "counted_at" not in shown
    assert "None" not in shown


def test_status_says_that_graph_and_log_do_not_fit(ilk: Run, small_home: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(small_home, home)
    for path in home.glob("events.db*"):
        path.unlink()
    done = ilk("--home", home, "status")
    assert done.returncode == 0, done.stderr
    assert "problem: the graph holds events up to number" in done.stdout
    assert json.loads(ilk("--home", home, "status", "--json", "-").stdout)["problem"]
    refused = ilk("--home", home, "refresh")
    assert refused.returncode == 1
    assert "do not belong together" in refused.stderr


def test_config_names_origins(ilk: Run, tmp_path: Path) -> None:
    done = ilk("--home", tmp_path / "h", "config", "--json", "-")
    settings = json.loads(done.stdout)
    assert settings["encoder.model"] == {"value": "hashing:64", "origin": "environment"}
    assert settings["home"]["origin"] == "flag"


def test_evaluate_compares_with_baselines(ilk: Run, small_shop: Path, tmp_path: Path) -> None:
    done = ilk(
        "--home", tmp_path / "h", "evaluate", small_shop, "--models", "ilk,popularity,text", "--json", "-"
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert list(result["models"]) == ["ilk", "popularity", "text"]
    assert result["protocol"] == "temporal"
    assert {"hr@10", "ndcg@10", "n"} <= set(result["models"]["ilk"]["next"]["warm"])
    assert not (tmp_path / "h" / "events.db").exists()


def test_odd_ids_are_plain_data(ilk: Run, tmp_path: Path) -> None:
    longest, too_long = "é" * 256, "x" * 513
    shop = tmp_path / "shop"
    shop.mkdir()
    ids = [ODD_ID, longest, too_long, "plain", "..", " a "]
    (shop / "items.jsonl").write_text(
        "".join(json.dumps({"item_id": i, "title": f"Thing number {n}"}) + "\n" for n, i in enumerate(ids)),
        "utf-8",
    )
    (shop / "events.jsonl").write_text(
        "".join(
            json.dumps({"user_id": f"u{u}", "item_id": i, "timestamp": 1_700_000_000 + u}) + "\n"
            for u in range(3)
            for i in ids
        ),
        "utf-8",
    )
    home = tmp_path / "home"
    loaded = json.loads(ilk("--home", home, "load", shop, "--json", "-").stdout)
    assert loaded["items"]["rejected"] == {"id_too_long": 1}
    assert loaded["events"]["rejected"] == {"id_too_long": 3}
    assert ilk("--home", home, "refresh").returncode == 0
    for item_id in (ODD_ID, longest, "..", " a "):
        done = ilk("--home", home, "similar", item_id, "--json", "-")
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["item_id"] == item_id


@pytest.fixture
def bad_inputs(tmp_path: Path) -> Path:
    (tmp_path / "hollow").mkdir()
    (tmp_path / "empty.csv").write_bytes(b"")
    (tmp_path / "not.jsonl.gz").write_bytes(b"this is no gzip file at all")
    (tmp_path / "table.csv").write_text("who,what,when\nu,a,1700000000\n", "utf-8")
    (tmp_path / "mapping.toml").write_text(
        '[[tables]]\nfiles = ["table.csv"]\n'
        '[tables.events]\nuser_id = "who"\nitem_id = "nothing"\ntimestamp = "when"\n',
        "utf-8",
    )
    (tmp_path / "unknown.bin").write_bytes(bytes(range(256)) * 4)
    return tmp_path


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["load", "absent"], "absent"),
        (["load", "unknown.bin"], "unknown.bin"),
        (["load", "empty.csv"], "empty"),
        (["load", "not.jsonl.gz"], "gzip"),
        (["load", "table.csv", "--format", "table", "--mapping", "mapping.toml"], "nothing"),
        (["load", "table.csv", "--format", "parquetry"], "parquetry"),
        (["similar", "a", "-k", "0"], "-k"),
        (["similar", "a", "-k", "1000000000"], "1000"),
        (["similar", "a"], "ilk load"),
        (["refresh"], "ilk load"),
        (["status"], "ilk load"),
        (["nonsense"], "nonsense"),
        (["evaluate", "table.csv", "--models", "magic"], "magic"),
        (["load"], "see `ilk load --help`"),
        (["load", "hollow"], "items.* and events.*"),
        (["refresh", "--json", "no/such/folder/told.json"], "no/such/folder"),
        (["report"], "ilk refresh"),
    ],
)
def test_a_mistake_is_one_line_and_changes_nothing(
    ilk: Run, bad_inputs: Path, args: list[str], says: str
) -> None:
    done = ilk("--home", "home", *args, cwd=bad_inputs)
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert says in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert not (bad_inputs / "home" / "events.db").exists()


def test_unknown_item_is_the_callers_mistake(ilk: Run, small_home: Path) -> None:
    done = ilk("--home", small_home, "similar", "no such item")
    assert done.returncode == 2
    assert "no such item" in done.stderr


def test_a_truncated_archive_loads_what_can_be_read(ilk: Run, tmp_path: Path) -> None:
    shop = tmp_path / "shop"
    shop.mkdir()
    lines = "".join(
        json.dumps({"user_id": f"u{n}", "item_id": f"i{n % 97}", "timestamp": 1_700_000_000 + n}) + "\n"
        for n in range(20_000)
    )
    whole = gzip.compress(lines.encode())
    (shop / "events.jsonl.gz").write_bytes(whole[: len(whole) // 2])
    (shop / "items.jsonl").write_text('{"item_id": "i1", "title": "One"}\n', "utf-8")
    report = tmp_path / "report.json"
    done = ilk("--home", tmp_path / "home", "load", shop, "--json", report)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    events = json.loads(report.read_text("utf-8"))["events"]
    assert 1000 < events["accepted"] < 20_000
    assert events["incomplete"]


@pytest.mark.parametrize("seconds", [0.05, 0.15, 0.3])
def test_ctrl_c_in_the_first_moments_is_quiet(tmp_path: Path, seconds: float) -> None:
    """Libraries are being imported then."""
    process = interruptible(tmp_path / "home", "status")
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert "Traceback" not in err, err
    assert process.returncode in (2, 130, -signal.SIGINT), (out, err)  # 2: it had ended


def test_ctrl_c_says_that_the_work_may_go_on(small_shop: Path, ilk: Run, tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert ilk("--home", home, "load", small_shop).returncode == 0
    process = interruptible(home, "refresh")
    assert process.stdout is not None
    while "encode" not in process.stdout.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    err = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert err.splitlines() == [
        "ilk: interrupted; what was finished is kept, run the same command again to go on"
    ]


def interruptible(home: Path, *args: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [str(Path(sys.executable).with_name("ilk")), "--home", str(home), *args],
        env=trial_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_version_is_told(ilk: Run) -> None:
    done = ilk("--version")
    assert (done.returncode, done.stdout) == (0, f"ilk {version('ilk')}\n")


def test_help_teaches(ilk: Run) -> None:
    for command in (
        "",
        "load",
        "refresh",
        "similar",
        "recommend",
        "evaluate",
        "serve",
        "status",
        "config",
        "demo",
    ):
        done = ilk(*command.split(), "-h" if command == "load" else "--help")
        assert done.returncode == 0
        assert len(done.stdout) > 200


def test_the_kit_for_neo4j_browser_is_written(ilk: Run, tmp_path: Path) -> None:
    done = ilk("inspect", "install", tmp_path / "kit")
    assert done.returncode == 0, done.stderr
    names = {path.name for path in (tmp_path / "kit").iterdir()}
    assert {"guide.html", "style.grass"} <= names
    assert len([name for name in names if name.endswith(".cypher")]) >= 12
