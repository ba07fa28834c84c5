"""A full disk: events are refused whole, reads go on, and everything recovers when space returns."""

import resource
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.service.api.conftest import Api, running_api
from tests.service.small_disk import mounted

TEXT = "x" * 20_000


def rows(number: int) -> list[dict[str, Any]]:
    """Too many bytes for what is left of the disk."""
    return [
        {"event_id": f"{number}-{row}", "user_id": "u", "item_id": "i", "review_text": TEXT}
        for row in range(100)
    ]


@contextmanager
def limited_files(folder: Path) -> Iterator[None]:
    """No file grows much beyond the largest there is."""
    largest = max(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + 256 * 1024, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@contextmanager
def filled(folder: Path) -> Iterator[None]:
    """The whole file system is full."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as out:
        size = 65_536
        while size:
            try:
                out.write(b"\0" * size)
            except OSError:
                size //= 2
    yield
    ballast.unlink()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Where there is none, the same is tested with a limit on files."""
    with mounted(tmp_path / "disk", "4m") as folder:
        yield folder


def check(folder: Path, full: Callable[[Path], AbstractContextManager[None]], said: str) -> None:
    with running_api(folder) as api:
        _refused_then_kept(api, full(folder), said)


def _refused_then_kept(api: Api, full: AbstractContextManager[None], said: str) -> None:
    before = api.log.last_seq()
    with full:
        for number in range(3):
            answer = api.client.post("/v1/events", json={"events": rows(number)})
            assert answer.status_code == 503, answer.text
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.headers["retry-after"]
            assert answer.json()["type"] == "urn:ilk:problem:store-unavailable"
            assert said in answer.json()["detail"]
            assert api.log.last_seq() == before  # nothing of it was taken
            api.get("/v1/items/item-30/similar")
    told = api.client.post("/v1/events", json={"events": rows(1)}).json()
    assert {row["status"] for row in told["results"]} == {"accepted"}
    assert api.log.last_seq() == before + 100
    assert api.log.read(before)["event_id"].to_list() == [f"1-{row}" for row in range(100)]


def test_files_that_may_not_grow(tmp_path: Path) -> None:
    check(tmp_path, limited_files, "the store does not answer")


def test_a_full_file_system(small_disk: Path) -> None:
    check(small_disk, filled, "the disk of the shop is full")
