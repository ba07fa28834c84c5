"""Calls that follow from each other, along the links of the OpenAPI document: write, read, delete, read."""

import os
from collections import Counter
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.service.api.conftest import AnyTexts, Api, running_api
from tests.service.api.test_contract import left_out

pytestmark = pytest.mark.slow

WALKS = int(os.environ.get("ILK_CONTRACT_WALKS", "30"))
"""How many; a thousand, now and then, by hand."""
STEPS = 12


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with running_api(tmp_path_factory.mktemp("walks"), texts=AnyTexts()) as api:
        yield api


def walks_of(shop: Api) -> Any:
    """A state machine whose steps are calls."""
    machine: Any = schemathesis.openapi.from_asgi("/openapi.json", shop.client.app).as_state_machine()

    class Walks(machine):  # type: ignore[misc]
        followed: ClassVar[Counter[str]] = Counter()

        def before_call(self, case: Any) -> None:
            for part in (case.query, case.body):
                if isinstance(part, dict) and ("timeout_ms" in part or "min_sequence" in part):
                    part["timeout_ms"] = 1  # waiting for events that never come is no part of this

        def step(self, given: Any) -> Any:
            if given.transition is not None:
                self.followed[given.case.operation.label] += 1
            return super().step(given)

        def validate_response(self, response: Any, case: Any, *_: Any, **__: Any) -> None:
            assert response.status_code != 500, case.as_curl_command()
            case.validate_response(response, excluded_checks=left_out(case), recorder=self.recorder)

    return Walks


def test_calls_that_follow_from_each_other_keep_the_contract(shop: Api) -> None:
    walks = walks_of(shop)
    run_state_machine_as_test(
        walks,
        settings=settings(
            max_examples=WALKS,
            stateful_step_count=STEPS,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert sum(walks.followed.values()) > WALKS, "hardly a link was followed"
    assert len(walks.followed) > 8, walks.followed
