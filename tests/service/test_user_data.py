"""Erasing a user: nothing is left, nothing comes back, and the receipt says so."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from graph.event_type import EventType
from graph.interaction import Interaction
from graph.sqlite_log import SqliteLog
from graph.sqlite_store import SqliteGraphStore
from service.answering.answer import UnknownUser
from service.api import create_app
from service.api.schemas import ExportShape, ReceiptShape
from service.catch_up import catch_up
from service.home import Home
from service.intake.load import load
from service.nightly.refresh import refresh
from service.nightly.refresh_result import RefreshResult
from service.serving import make_deps
from service.stores import closing_both
from service.user_data import UserData
from tests.service.conftest import quiet, trial_settings

USER = "zoe-4711-\N{SNOWMAN}"
REVIEW = "my grandmother in Ulm, Zeppelinweg 12, liked it"
AT = 1_700_000_000


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A shop in which the user did three things and caused two quarantined rows."""
    folder = tmp_path / "files"
    folder.mkdir()
    rows = [
        {"user_id": USER, "item_id": "a", "timestamp": AT, "event_type": "purchase"},
        {
            "user_id": USER,
            "item_id": "a",
            "timestamp": AT + 1,
            "event_type": "review",
            "review_text": REVIEW,
            "rating": 5,
            "helpful": 3,
        },
        {"user_id": USER, "item_id": "b", "timestamp": AT + 2, "event_id": f"order-of-{USER}"},
        {
            "user_id": "other",
            "item_id": "a",
            "timestamp": AT + 3,
            "event_type": "review",
            "review_text": "fine",
        },
        {"user_id": USER, "item_id": "a", "review_text": REVIEW},
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / "events.jsonl").write_text(text, "utf-8")
    (folder / "items.jsonl").write_text(
        '{"item_id": "a", "title": "A"}\n{"item_id": "b"}\nnot json\n', "utf-8"
    )
    return folder


@contextmanager
def client_of(home: Path) -> Iterator[TestClient]:
    with TestClient(create_app(make_deps(trial_settings(home)))) as client:
        yield client


def places_with(home: Path, *needles: str) -> list[str]:
    """Files under the home that hold one of the texts, in UTF-8 or as JSON spells it."""
    spelled = [form for one in needles for form in (one.encode(), json.dumps(one)[1:-1].encode())]
    paths = (path for path in home.rglob("*") if path.is_file())
    return [path.name for path in paths if any(needle in path.read_bytes() for needle in spelled)]


def test_erasure_leaves_nothing_and_a_second_load_brings_nothing_back(tmp_path: Path, files: Path) -> None:
    home = tmp_path / "home"
    settings = trial_settings(home)
    load(files, settings)
    assert {"events.db", "graph.db"} < set(places_with(home, USER, REVIEW))
    assert any(name.endswith(".jsonl") for name in places_with(home, REVIEW))
    with client_of(home) as client:
        export = client.get(f"/v1/users/{USER}/export")
        ExportShape.model_validate(export.json(), strict=True)
        assert [row["item_id"] for row in export.json()["events"]] == ["a", "a", "b"]
        assert export.json()["events"][1]["review_text"] == REVIEW
        assert [row["helpful"] for row in export.json()["events"]] == [None, 3, None]
        answer = client.delete(f"/v1/users/{USER}")
        assert answer.status_code == 200
        receipt = ReceiptShape.model_validate(answer.json(), strict=True)
        assert receipt.events_removed == receipt.places["event log"] == 3
        assert receipt.places["graph.edges"] == 3
        assert receipt.places["graph.reviews"] == receipt.places["graph.users"] == 1
        assert receipt.places["quarantine"] >= 2
        assert {"event log", "releases made before", "outside of this home"} == {
            one.where for one in receipt.remains
        }
        assert places_with(home, USER, REVIEW) == []
        for path in (f"/v1/users/{USER}/export", f"/v1/users/{USER}/recommendations"):
            assert client.get(path).status_code in (404, 503)
        assert client.delete(f"/v1/users/{USER}").status_code == 404
        other = client.get("/v1/users/other/export").json()["events"]
        assert [row["review_text"] for row in other] == ["fine"]
    report = load(files, settings)
    assert report.events.accepted == 0
    with client_of(home) as client:
        assert client.delete(f"/v1/users/{USER}").status_code == 404
        assert client.get(f"/v1/users/{USER}/export").status_code == 404
        event = {"user_id": USER, "item_id": "a", "event_id": "later"}
        assert (
            client.post("/v1/events", json={"events": [event]}).json()["results"][0]["status"] == "accepted"
        )
        assert len(client.get(f"/v1/users/{USER}/export").json()["events"]) == 1


def test_whoever_read_the_log_before_cannot_bring_the_user_back(tmp_path: Path) -> None:
    log, store = SqliteLog(tmp_path / "events.db"), SqliteGraphStore(tmp_path / "graph.db")
    store.ensure_schema()
    event = Interaction("e1", USER, "a", EventType.REVIEW, AT * 10**6, review_text=REVIEW)
    log.append(Interaction.to_frame([event]))
    stale = log.read(0)  # an updater that is slower than the erasure
    receipt = UserData(log, store).erase(USER)
    assert receipt.events_removed == 1
    assert store.apply(stale, 1).inserted == 0
    with pytest.raises(UnknownUser):
        UserData(log, store).erase(USER)
    assert places_with(tmp_path, USER, REVIEW) == []


def test_an_interrupted_erasure_is_ended_by_the_next(tmp_path: Path) -> None:
    log, store = SqliteLog(tmp_path / "events.db"), SqliteGraphStore(tmp_path / "graph.db")
    store.ensure_schema()
    event = Interaction("e1", USER, "a", EventType.PURCHASE, AT * 10**6)
    log.append(Interaction.to_frame([event]))
    catch_up(log, store)
    log.erase_user(USER)  # killed after the first step
    receipt = UserData(log, store).erase(USER)
    assert (receipt.events_removed, receipt.places["graph.users"]) == (0, 1)


def test_a_session_is_no_user(tmp_path: Path) -> None:
    log, store = SqliteLog(tmp_path / "events.db"), SqliteGraphStore(tmp_path / "graph.db")
    store.ensure_schema()
    log.append(
        Interaction.to_frame([Interaction("e1", USER, "a", EventType.PURCHASE, AT * 10**6, anonymous=True)])
    )
    catch_up(log, store)
    with pytest.raises(UnknownUser):
        UserData(log, store).erase(USER)
    with pytest.raises(UnknownUser):
        UserData(log, store).export(USER)


def test_while_files_are_loaded_nothing_is_erased(tmp_path: Path, files: Path) -> None:
    home = tmp_path / "home"
    load(files, trial_settings(home))
    with client_of(home) as client, Home(home).writing("load"):
        answer = client.delete(f"/v1/users/{USER}")
        assert answer.status_code == 503
        assert answer.json()["type"] == "urn:ilk:problem:home-busy"
        assert len(client.get(f"/v1/users/{USER}/export").json()["events"]) == 3


def test_a_real_release_answers_new_items_by_their_text(
    tmp_path: Path, served_home: tuple[Path, RefreshResult]
) -> None:
    home = tmp_path / "home"
    shutil.copytree(served_home[0], home)
    with client_of(home) as client:
        known = client.get("/v1/search?q=shoes&k=1").json()["results"][0]
        card = client.get("/v1/items", params={"item_id": known["item_id"]}).json()
        body = {name: card[name] for name in ("title", "brand", "categories", "description")}
        assert client.put("/v1/items/twin", json=body).status_code == 201
        answer = client.get("/v1/items/twin/similar?k=3").json()
        assert answer["fallback"] is None
        assert {row["source"] for row in answer["results"]} == {"text"}
        assert answer["results"][0]["title"] == card["title"]
        by_text = client.post("/v1/similar:by-text", json={"item": body, "k": 3}).json()
        assert by_text["results"] == answer["results"]
        for path in (f"/v1/items/{known['item_id']}/similar?k=1000", "/v1/search?q=shoes&k=1000"):
            assert "twin" not in {row["item_id"] for row in client.get(path).json()["results"]}
    refresh(trial_settings(home), quiet())
    with client_of(home) as client:
        near = client.get(f"/v1/items/{known['item_id']}/similar?k=10").json()["results"]
        assert "twin" in {row["item_id"] for row in near}
        assert client.get("/v1/items/twin/similar?k=1").json()["results"][0]["item_id"] == known["item_id"]


def forget(vectors: set[str], texts: list[str]) -> int:
    """What a text cache with some texts would do."""
    gone = vectors & set(texts)
    vectors.difference_update(gone)
    return len(gone)


def test_an_interrupted_erasure_forgets_the_vectors_all_the_same(tmp_path: Path, files: Path) -> None:
    settings = trial_settings(tmp_path / "home")
    load(files, settings)
    home, vectors = Home(settings.home), {REVIEW}
    log, store = SqliteLog(home.event_log), SqliteGraphStore(home.graph)

    def killed() -> None:
        raise KeyboardInterrupt

    with closing_both(log, store), pytest.raises(KeyboardInterrupt):
        UserData(log, store, erased=killed, forget_texts=partial(forget, vectors)).erase(USER)
    assert not vectors  # the log does not know the words any more: a second call could not forget them


def test_a_review_that_was_encoded_while_its_writer_was_erased_is_forgotten(
    tmp_path: Path, files: Path
) -> None:
    settings = trial_settings(tmp_path / "home")
    load(files, settings)
    home, vectors = Home(settings.home), {REVIEW}
    log, store = SqliteLog(home.event_log), SqliteGraphStore(home.graph)
    with closing_both(log, store):
        users = UserData(
            log, store, erased=lambda: vectors.add(REVIEW), forget_texts=partial(forget, vectors)
        )
        assert users.erase(USER).places["text cache"] == 2
    assert not vectors
