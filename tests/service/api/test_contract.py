"""Whatever OpenAPI allows, and much that it does not: no answer breaks the contract or fails inside."""

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.mutations import OperatorKind
from schemathesis.core.parameters import ParameterLocation
from schemathesis.specs.openapi.checks import (
    ensure_resource_availability,
    ignored_auth,
    missing_required_header,
    negative_data_rejection,
    positive_data_acceptance,
    unsupported_method,
)

from tests.service.api.conftest import AnyTexts, Api, running_api

pytestmark = pytest.mark.slow

EXAMPLES = int(os.environ.get("ILK_CONTRACT_EXAMPLES", "12"))
"""Of each operation; hundreds, now and then, by hand."""
LEFT_OUT = [
    ensure_resource_availability,  # other cases delete what this one made
    ignored_auth,  # this server needs no key; keys have tests of their own
    missing_required_header,
    not_a_server_error,  # 503 is an answer, too, where it is documented; 500 never is
    positive_data_acceptance,  # ids of 512 bytes and prices in order: rules that JSON schema cannot say
    unsupported_method,
]


def left_out(case: Any) -> list[Any]:
    """Checks that say nothing of a case.

    A URL has no types: `exclude=5` is a list of one text, and an object for `category` is one or none.
    schemathesis knows that of one parameter at a time.
    """
    wrong = getattr(case.meta.phase.data, "mutations", ()) if case.meta else ()
    of_texts = [
        mutation.operator == OperatorKind.CHANGE_TYPE
        and mutation.parameter_location == ParameterLocation.QUERY
        and _takes_any_text(case.operation.query.get(mutation.parameter).definition["schema"])
        for mutation in wrong
    ]
    return [*LEFT_OUT, negative_data_rejection] if of_texts and all(of_texts) else LEFT_OUT


def _takes_any_text(schema: dict[str, Any]) -> bool:
    """Whether a parameter takes texts, alone or in a list, without a rule for them."""
    if "anyOf" in schema:
        return any(_takes_any_text(choice) for choice in schema["anyOf"])
    if schema.get("type") == "array":
        return _takes_any_text(schema["items"])
    return schema.get("type") == "string" and not {"enum", "pattern", "format", "minLength"} & schema.keys()


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with running_api(tmp_path_factory.mktemp("contract"), texts=AnyTexts()) as api:
        yield api


def test_every_answer_keeps_the_contract(shop: Api) -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", shop.client.app)
    operations: list[Any] = [found.ok() for found in schema.get_all_operations()]  # type: ignore[union-attr]
    assert len(operations) > 35
    broken: dict[str, str] = {}
    for operation in operations:
        try:
            _try(operation)
        except (Exception, BaseExceptionGroup) as error:
            broken[operation.label] = f"{type(error).__name__}: {error} {_sub(error)}"[:1500]
    assert not broken, "\n\n".join(f"{label}: {text}" for label, text in broken.items())


def _sub(error: BaseException) -> str:
    return " | ".join(str(one) for one in getattr(error, "exceptions", ()))


def _try(operation: Any) -> None:
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy())
    def answers(case: Any) -> None:
        for part in (case.query, case.body):
            if isinstance(part, dict) and ("timeout_ms" in part or "min_sequence" in part):
                part["timeout_ms"] = 1  # waiting for events that never come is no part of this
        response = case.call()
        assert response.status_code != 500, case.as_curl_command()
        case.validate_response(response, excluded_checks=left_out(case))

    answers()
