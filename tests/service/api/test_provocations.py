"""Every error that the OpenAPI document names can be provoked on every route that names it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from graph.errors import StoreUnavailable
from service.answering.answer import UnknownItem
from service.answering.catalogue import Catalogue
from service.api import ApiKeys, ApiLimits, KeyGrant, Scope
from service.api.keys import digest_of
from service.api.schemas import ProblemShape
from service.live.what_if import WhatIf
from service.user_data import UserData
from tests.service.api.conftest import Api, ToyTexts, running_api
from tests.service.api.samples import BY_OPERATION, Call

Provocation = Callable[["Laboratory", Call], Any]
"""Returns the answer."""


class Down:
    """A store, a log: whatever is asked of it, it does not answer at present."""

    def __getattr__(self, name: str) -> Any:
        def fails(*_: Any, **__: Any) -> Any:
            raise StoreUnavailable("the disk of /secret/path is gone")

        return fails


class NobodyKnows(WhatIf):
    """An updater that knows none of the items it is asked about."""

    def __init__(self) -> None: ...

    def similar(self, item_id: str, *_: Any) -> Any:
        raise UnknownItem(f"no item {item_id!r} in the served answers")


class BrokenKeys(ApiKeys):
    """A fault that nobody foresaw, in front of every route."""

    def grant_of(self, presented: str | None) -> KeyGrant | None:
        raise ZeroDivisionError("secret inside")


@dataclass
class Laboratory:
    """Applications in which things go wrong."""

    plain: Api
    """All is well."""
    keyed: Api
    """Keys are needed; each key has one scope, `hasty` may ask once."""
    down: Api
    """No release, no store, no rules."""
    narrow: Api
    """Bodies must be tiny and quick."""
    broken: Api
    """Fails inside."""


def _only(scope: Scope) -> KeyGrant:
    return KeyGrant(digest_of(scope.value), scope.value, frozenset({scope}))


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    hasty = KeyGrant(digest_of("hasty"), "hasty", per_minute=1)
    down = Down()
    changes: dict[str, dict[str, Any]] = {
        "plain": {"texts": ToyTexts(), "what_if": NobodyKnows()},
        "keyed": {"keys": ApiKeys([], [*map(_only, Scope), hasty])},
        "down": {
            "published": False,
            "catalogue": Catalogue(down),
            "users": UserData(down, down),
            "events": down,
            "rules": None,
            "status": down.status,
        },
        "narrow": {"limits": ApiLimits(body_bytes=10, body_seconds=0.05)},
        "broken": {"keys": BrokenKeys(["any"])},
    }
    with ExitStack() as opened:
        folders = {name: tmp_path_factory.mktemp(name) for name in changes}
        apis = {
            name: opened.enter_context(running_api(folders[name], **changed))
            for name, changed in changes.items()
        }
        yield Laboratory(**apis)


def not_json(lab: Laboratory, call: Call) -> Any:
    headers = {"Content-Type": "application/json"}
    return lab.plain.client.request(call.method, call.target, content=b"{not json", headers=headers)


def without_key(lab: Laboratory, call: Call) -> Any:
    wrong = call.but(headers={"X-API-Key": "stranger"}).sent(lab.keyed.client)
    assert wrong.status_code == 401
    assert wrong.headers["www-authenticate"] == "ApiKey"
    return call.sent(lab.keyed.client)


def of_another_scope(lab: Laboratory, call: Call) -> Any:
    """Of three keys with one scope each, one is let through."""
    answers = [call.but(headers={"X-API-Key": scope}).sent(lab.keyed.client) for scope in Scope]
    refused = [answer for answer in answers if answer.status_code == 403]
    assert len(refused) == 2, [answer.status_code for answer in answers]
    return refused[0]


def too_often(lab: Laboratory, call: Call) -> Any:
    answers = [call.but(headers={"X-API-Key": "hasty"}).sent(lab.keyed.client) for _ in range(2)]
    assert int(answers[-1].headers["retry-after"]) >= 1
    return answers[-1]


def too_slow(lab: Laboratory, call: Call) -> Any:
    async def trickle() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(1)

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(lab.narrow.client.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://shop") as client:
            headers = {"Content-Type": "application/json"}
            return await client.request(call.method, call.target, content=trickle(), headers=headers)

    return asyncio.run(send())


def too_large(lab: Laboratory, call: Call) -> Any:
    return call.sent(lab.narrow.client)


def broken_inside(lab: Laboratory, call: Call) -> Any:
    answer = call.sent(lab.broken.client)
    assert "secret" not in answer.text
    return answer


def without_sense(lab: Laboratory, call: Call) -> Any:
    """A body of the wrong type, an id that is no UTF-8, a parameter that nobody knows: what there is."""
    if call.body is not None:
        return call.but(body=17).sent(lab.plain.client)
    name = next((name for name in call.path if name.endswith("_id")), None)
    if name in ("item_id", "user_id"):
        target = call.but(path={**call.path, name: "odd"}).target.replace("odd", "%ff")
        return lab.plain.client.request(call.method, target)
    return call.but(query={**call.query, "surprise": 1}).sent(lab.plain.client)


def unknown(lab: Laboratory, call: Call) -> Any:
    nobody = {"item_id": "nobody", "user_id": "nobody", "rule_id": "4711", "version": "r000099-abcdef"}
    path = {name: nobody.get(name, value) for name, value in call.path.items()}
    query = {name: nobody.get(name, value) for name, value in call.query.items()}
    return call.but(path=path, query=query).sent(lab.plain.client)


def nothing_there(lab: Laboratory, call: Call) -> Any:
    answer = call.sent(lab.down.client)
    assert "secret" not in answer.text
    assert str(lab.down.releases.root) not in answer.text
    return answer


def ahead_of_all(lab: Laboratory, call: Call) -> Any:
    wait = {"min_sequence": 10**9}
    if call.body is not None:
        return call.but(body={**call.body, **wait}).sent(lab.plain.client)
    return call.but(query={**call.query, **wait}).sent(lab.plain.client)


def expired_rule(lab: Laboratory, call: Call) -> Any:
    return call.but(body={**call.body, "expires_at": "2020-01-01T00:00:00Z"}).sent(lab.plain.client)


def unknown_version(lab: Laboratory, call: Call) -> Any:
    return call.but(body={**call.body, "version": "r000099-abcdef"}).sent(lab.plain.client)


def unknown_shape(lab: Laboratory, call: Call) -> Any:
    return call.but(query={"format": "pdf"}).sent(lab.plain.client)


def serves_already(lab: Laboratory, call: Call) -> Any:
    return call.but(body={**call.body, "version": lab.plain.releases.current_version()}).sent(
        lab.plain.client
    )


def torn_release(lab: Laboratory, call: Call) -> Any:
    api = lab.narrow  # its release is needed by nobody
    version = str(api.releases.current_version())
    (Path(api.releases.root) / version / "index.faiss").write_bytes(b"")
    body = {**call.body, "version": version}
    with running_api(api.releases.root.parent, published=False) as again:
        return call.but(body=body).sent(again.client)


PROVOKED: dict[int, Provocation] = {
    400: not_json,
    401: without_key,
    403: of_another_scope,
    404: unknown,
    408: too_slow,
    409: ahead_of_all,
    413: too_large,
    422: without_sense,
    429: too_often,
    500: broken_inside,
    503: nothing_there,
}
"""By status: what provokes it on every route that names it."""
PROVOKED_THERE: dict[tuple[str, str, int], Provocation] = {
    ("POST", "/v1/rules", 409): expired_rule,
    ("GET", "/v1/releases/{version}/report", 422): unknown_shape,
    ("POST", "/v1/releases:approve", 409): serves_already,
    ("POST", "/v1/releases:rollback", 404): unknown_version,
    ("POST", "/v1/releases:rollback", 409): torn_release,
}
"""Where another way leads to it."""


def test_there_is_a_valid_call_of_every_operation(api: Api) -> None:
    paths = api.get("/openapi.json")["paths"]
    assert {(method.upper(), path) for path, operations in paths.items() for method in operations} == set(
        BY_OPERATION
    )


@pytest.mark.parametrize("status", sorted(PROVOKED))
def test_every_error_that_is_documented_can_be_provoked(laboratory: Laboratory, status: int) -> None:
    paths = laboratory.keyed.get("/openapi.json")["paths"]
    named = [
        (method.upper(), path)
        for path, operations in paths.items()
        for method, operation in operations.items()
        if str(status) in operation["responses"]
    ]
    assert named, f"no route names {status}"
    failed = []
    for operation in named:
        provoke = PROVOKED_THERE.get((*operation, status), PROVOKED[status])
        answer = provoke(laboratory, BY_OPERATION[operation])
        if answer.status_code != status:
            failed.append(f"{operation}: {answer.status_code} {answer.text[:200]}")
            continue
        assert answer.headers["content-type"] == "application/problem+json"
        problem = ProblemShape.model_validate(answer.json())
        assert problem.status == status
        assert problem.request_id == answer.headers["x-request-id"]
        assert problem.type.startswith("urn:ilk:problem:")
    assert not failed, "\n".join(failed)


def test_no_status_is_documented_without_a_way_to_provoke_it(laboratory: Laboratory) -> None:
    paths = laboratory.keyed.get("/openapi.json")["paths"].values()
    named = {int(status) for ops in paths for one in ops.values() for status in one["responses"]}
    assert {status for status in named if status >= 400} == set(PROVOKED)
