"""Logging events over HTTP."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import apsw
import pytest

from graph.errors import DiskFull
from graph.event_id import event_ids
from graph.log import AppendResult
from service.api import ApiLimits
from service.api.event_rows import read_event_rows
from service.api.schemas import EventsShape
from tests.service.api.conftest import Api

GOOD = {"event_id": "g", "user_id": "u", "item_id": "i", "event_type": "purchase", "timestamp": 1_700_000_000}


def post(api: Api, *rows: Any, status: int = 200) -> dict[str, Any]:
    answer = api.client.post("/v1/events", json={"events": list(rows)})
    assert answer.status_code == status, answer.text
    body: dict[str, Any] = answer.json()
    return body


def test_accepted_events_are_in_the_log_before_the_answer(api: Api) -> None:
    answer = post(
        api, GOOD, {**GOOD, "event_id": "h", "user_id": "ü/😀", "rating": 4, "review_text": "so\x00so"}
    )
    EventsShape.model_validate(answer)
    assert answer["sequence"] == 4
    assert answer["events_through"] == 2
    assert answer["results"] == [
        {"event_id": "g", "status": "accepted", "sequence": 3},
        {"event_id": "h", "status": "accepted", "sequence": 4},
    ]
    logged = api.log.read(2)
    assert logged["user_id"].to_list() == ["u", "ü/😀"]
    assert logged["at"].to_list() == [1_700_000_000_000_000] * 2
    assert logged["event_type"].to_list() == ["purchase"] * 2
    assert logged["review_text"].to_list() == [None, "so\x00so"]


def test_a_retry_is_a_no_op_with_the_old_sequence(api: Api) -> None:
    post(api, GOOD)
    answer = post(api, GOOD, {**GOOD, "event_id": "new"}, {**GOOD, "event_id": "new"})
    assert [(row["status"], row["sequence"]) for row in answer["results"]] == [
        ("duplicate", 3),
        ("accepted", 4),
        ("duplicate", 4),
    ]
    assert answer["sequence"] == 4
    assert post(api, GOOD)["sequence"] == 3
    assert api.log.last_seq() == 4


def test_an_event_without_id_gets_the_hash_of_its_fields(api: Api) -> None:
    row = {name: value for name, value in GOOD.items() if name != "event_id"}
    first, second = post(api, row), post(api, row)
    assert [a["results"][0]["status"] for a in (first, second)] == ["accepted", "duplicate"]
    assert first["results"][0]["event_id"] == event_ids(api.log.read(2))[0]


def test_bad_rows_are_rejected_alone(api: Api) -> None:
    answer = post(api, {**GOOD, "item_id": "x" * 513}, GOOD, "no object", {**GOOD, "event_type": "buy"})
    assert [row["status"] for row in answer["results"]] == ["rejected", "accepted", "rejected", "rejected"]
    assert [row.get("reason") for row in answer["results"]] == [
        "id_too_long",
        None,
        "not_an_object",
        "unknown_event_type",
    ]
    assert api.log.last_seq() == 3
    only_bad = post(api, {})
    assert only_bad["sequence"] == 3
    metrics = api.client.get("/metrics").text
    assert 'ilk_events_total{status="rejected"} 4.0' in metrics
    assert 'ilk_events_total{status="accepted"} 1.0' in metrics


NOW = 1_700_000_000_000_000


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"user_id": None}, "empty_id"),
        ({"user_id": ""}, "empty_id"),
        ({"item_id": None}, "empty_id"),
        ({"item_id": "\ud800"}, "id_not_utf8"),
        ({"item_id": ["a"]}, "bad_id"),
        ({"item_id": True}, "bad_id"),
        ({"item_id": 1.5}, "bad_id"),
        ({"event_id": "e" * 513}, "id_too_long"),
        ({"event_id": ""}, "empty_id"),
        ({"event_type": 3}, "unknown_event_type"),
        ({"event_type": "PURCHASE"}, "unknown_event_type"),
        ({"timestamp": "yesterday"}, "bad_timestamp"),
        ({"timestamp": True}, "bad_timestamp"),
        ({"timestamp": {}}, "bad_timestamp"),
        ({"timestamp": float("nan")}, "bad_timestamp"),
        ({"timestamp": "\ud800"}, "bad_timestamp"),
        ({"timestamp": 10**30}, "bad_timestamp"),
        ({"timestamp": 600_000_000}, "time_out_of_range"),
        ({"timestamp": 1_700_086_401}, "time_out_of_range"),
        ({"rating": "five"}, "bad_rating"),
        ({"helpful": "many"}, "bad_helpful"),
        ({"helpful": -1}, "bad_helpful"),
        ({"helpful": 0.5}, "bad_helpful"),
        ({"rating": float("inf")}, "bad_rating"),
        ({"quantity": True}, "bad_quantity"),
        ({"value": 10**400}, "bad_value"),
        ({"review_text": 5}, "bad_text"),
        ({"review_text": "x" * 20_001}, "text_too_long"),
        ({"review_text": "\udfff"}, "text_not_utf8"),
    ],
)
def test_every_rule_has_a_reason(change: dict[str, Any], reason: str) -> None:
    read = read_event_rows([{**GOOD, **change}], NOW)
    assert read.events.is_empty()
    assert read.problems[0].reason == reason


@pytest.mark.parametrize(
    ("change", "column", "value"),
    [
        ({}, "at", NOW),
        ({"timestamp": 1_700_000_000_000}, "at", NOW),
        ({"timestamp": NOW}, "at", NOW),
        ({"timestamp": 1_700_000_000.5}, "at", NOW + 500_000),
        ({"timestamp": "2023-11-14T22:13:20Z"}, "at", NOW),
        ({"timestamp": "2023-11-14 23:13:20+01:00"}, "at", NOW),
        ({"timestamp": None}, "at", NOW),
        ({"user_id": None, "session_id": "s"}, "anonymous", True),
        ({"user_id": None, "session_id": "s"}, "user_id", "s"),
        ({"session_id": "s"}, "anonymous", False),
        ({"item_id": 12345}, "item_id", "12345"),
        ({"item_id": 12345.0}, "item_id", "12345"),
        ({"event_type": None}, "event_type", "view_item"),
        ({"quantity": -2}, "quantity", -2.0),
        ({"unknown": "field"}, "item_id", "i"),
    ],
)
def test_every_spelling_is_read(change: dict[str, Any], column: str, value: object) -> None:
    read = read_event_rows([{**GOOD, **change}], NOW)
    assert read.problems == {}
    assert read.events[column].to_list() == [value]


def test_rows_keep_their_order_whatever_the_spelling_of_their_times() -> None:
    stamps = ["2023-11-14T22:13:20Z", 1_700_000_001, "bad", 1_700_000_002.0, None, "1700000003"]
    read = read_event_rows([{**GOOD, "event_id": str(n), "timestamp": t} for n, t in enumerate(stamps)], NOW)
    assert read.positions == [0, 1, 3, 4, 5]
    assert read.events["event_id"].to_list() == ["0", "1", "3", "4", "5"]
    assert [(at - NOW) // 1_000_000 for at in read.events["at"]] == [0, 1, 2, 0, 3]


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b'{"events": [1' + b"[" * 100_000, b""])
def test_what_is_not_json_is_said(api: Api, body: bytes) -> None:
    answer = api.client.post("/v1/events", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body", [{}, {"events": []}, {"events": "x"}, {"events": [GOOD], "extra": 1}, [GOOD], None]
)
def test_a_body_of_another_shape_is_refused(api: Api, body: Any) -> None:
    answer = api.client.post("/v1/events", json=body)
    assert answer.status_code == 422
    assert "events" in answer.text or "body" in answer.text


def test_too_many_rows_and_too_large_bodies_are_413(make_api: Callable[..., Any]) -> None:
    with make_api(limits=ApiLimits(events=2, body_bytes=2000)) as api:
        problem = post(api, GOOD, GOOD, GOOD, status=413)
        assert "at most 2 events" in problem["detail"]
        large = {**GOOD, "review_text": "x" * 3000}
        assert "2000 bytes" in post(api, large, status=413)["detail"]
        chunks = (b"x" * 1000 for _ in range(50))  # no announced length
        answer = api.client.post("/v1/events", content=chunks, headers={"content-type": "application/json"})
        assert answer.status_code == 413
        assert answer.headers["content-type"] == "application/problem+json"
        assert api.log.last_seq() == 2


def test_a_log_that_does_not_answer_is_503(
    make_api: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    class Unavailable:
        def submit(self, events: object) -> Future[AppendResult]:
            failed: Future[AppendResult] = Future()
            failed.set_exception(DiskFull("/secret/path/events.db: the disk is full"))
            return failed

    with make_api(events=Unavailable()) as api:
        problems = [post(api, GOOD, status=503) for _ in range(3)]
        assert problems[0]["type"] == "urn:ilk:problem:store-unavailable"
        assert "disk" in problems[0]["detail"]
        assert "secret" not in str(problems)
    told = [record.getMessage() for record in caplog.records if "refused" in record.getMessage()]
    assert len(told) == 1, "one line says why, not one for each request"
    assert "/secret/path/events.db" in told[0]


def test_reads_go_on_while_callers_wait_for_a_log_that_another_process_holds(api: Api) -> None:
    callers = 60  # more than the threads that the application has
    rows = [{**GOOD, "event_id": f"waits-{number}"} for number in range(callers)]
    holder = apsw.Connection(str(api.log._file.path))
    holder.execute("BEGIN EXCLUSIVE")
    with ThreadPoolExecutor(callers) as pool:
        try:
            waiting = [pool.submit(post, api, row) for row in rows]
            time.sleep(0.5)
            began = time.monotonic()
            for path in ("/v1/items/item-30/similar", "/health/ready", "/v1/status"):
                assert api.client.get(path).status_code == 200
            assert time.monotonic() - began < 10
            assert not any(one.done() for one in waiting)
        finally:
            holder.close()
        told = [one.result()["results"][0] for one in waiting]
    assert {one["status"] for one in told} == {"accepted"}
    assert sorted(one["sequence"] for one in told) == list(range(3, 3 + callers))


def test_five_thousand_rows_take_little_time() -> None:
    rows = [{**GOOD, "event_id": str(n), "timestamp": 1_700_000_000 + n} for n in range(5000)]
    started = time.process_time()
    assert read_event_rows(rows, NOW + 10**11).events.height == 5000
    assert time.process_time() - started < 2.0
