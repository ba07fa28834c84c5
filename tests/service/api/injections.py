"""Hostile values, and every place of a request in which one can stand, as the OpenAPI document has them."""

from collections.abc import Iterator, Sequence
from typing import Any

from tests.service.api.samples import BY_OPERATION, Call

MARK = "zq4711"
"""Stands in every hostile value: where it must not appear, it is looked for."""
CYPHER = (
    f"{MARK}' OR '1'='1' //",
    f"{MARK}'}}) DETACH DELETE n //",
    f"{MARK}\\u0027}}) WITH 1 AS x MATCH (n) DETACH DELETE n //",
    f"{MARK}` SET n.userId = `{MARK}",
)
PAYLOADS = (
    *CYPHER,
    f"{MARK}' OR '1'='1' --",
    f"{MARK}'); DROP TABLE events; DROP TABLE edges; --",
    f'{MARK}" UNION SELECT user_id, review_text FROM events --',
    f"../../../{MARK}/../secret.txt",
    f"..%2f..%2f{MARK}%2f..%2fsecret.txt",
    f"<script>{MARK}()</script>",
    f'"><img src=x onerror={MARK}()>',
    f"{{{{{MARK}*7}}}}${{{MARK}*7}}%(n)s",
    f"{MARK}\r\nX-Injected: yes",
    f"{MARK}\x00",
)
HEADERS = ("X-API-Key", "X-Request-ID", "Content-Type", "Accept", "Origin", "Host")


def hostile_calls(schema: dict[str, Any], payloads: Sequence[str] = PAYLOADS) -> Iterator[Call]:
    """Each operation with each hostile value in each place; what would delete something names nothing that
    exists, unless the hostile value does."""
    for pattern, operations in schema["paths"].items():
        for method, operation in operations.items():
            call = _harmless(BY_OPERATION[method.upper(), pattern])
            for payload in payloads:
                yield from _with_parameters(call, operation, payload)
                yield from (call.but(body=body) for body in _bodies(call.body, payload))
                for name in _properties(schema, operation):
                    yield call.but(body={**call.body, name: payload})
                if payload.isprintable():
                    yield from (call.but(headers={name: payload}) for name in HEADERS)


def _harmless(call: Call) -> Call:
    if call.method != "DELETE":
        return call
    return call.but(
        path=dict.fromkeys(call.path, "4711"),
        query={name: "nobody" if name == "item_id" else value for name, value in call.query.items()},
    )


def _with_parameters(call: Call, operation: dict[str, Any], payload: str) -> Iterator[Call]:
    for parameter in operation.get("parameters", ()):
        where = "path" if parameter["in"] == "path" else "query"
        if parameter["in"] in ("path", "query"):
            yield call.but(**{where: {**getattr(call, where), parameter["name"]: payload}})
    yield call.but(query={**call.query, payload: payload})


def _bodies(body: Any, payload: str) -> Iterator[Any]:
    """A body with the value in place of each of its leaves, and as a further name."""
    if isinstance(body, dict):
        for name, value in body.items():
            yield from ({**body, name: changed} for changed in _bodies(value, payload))
        yield {**body, payload: payload}
    elif isinstance(body, list):
        for place, value in enumerate(body):
            for changed in _bodies(value, payload):
                yield [*body[:place], changed, *body[place + 1 :]]
    elif body is not None:
        yield payload


def _properties(schema: dict[str, Any], operation: dict[str, Any]) -> list[str]:
    """Fields of an operation's body, where it is an object."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    shape = content.get("schema", {})
    if "$ref" in shape:
        shape = schema["components"]["schemas"][shape["$ref"].rsplit("/", 1)[1]]
    return list(shape.get("properties", ()))
