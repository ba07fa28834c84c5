"""The OpenAPI document of one application: what its routes say, and what its settings make of them."""

from collections.abc import Iterable, Iterator
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from service.api.deps import ApiDeps
from service.api.item_bodies import ItemRow
from service.api.keys import OPEN_PATHS
from service.api.links import add_links
from service.api.schemas import ProblemShape


def openapi_of(app: FastAPI, deps: ApiDeps) -> dict[str, Any]:
    """The document, made once."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        shapes = schema["components"]["schemas"]
        shapes["Problem"] = ProblemShape.model_json_schema()
        shapes["ItemRow"] = ItemRow.model_json_schema(ref_template="#/components/schemas/{model}")
        shapes.update(shapes["ItemRow"].pop("$defs", {}))
        for path, operation in _operations(schema):
            if path in OPEN_PATHS or not deps.keys.configured:
                operation.pop("security", None)
        for boost in _named(schema, "boost"):
            boost |= _known_names(deps.boosts)
        add_links(schema)
        app.openapi_schema = schema
    return app.openapi_schema


def _operations(schema: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            yield path, operation


def _named(schema: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """Schemas of all parameters and of all bodies' fields of a name."""
    parameters = [
        parameter["schema"]
        for _, operation in _operations(schema)
        for parameter in operation.get("parameters", ())
        if parameter["name"] == name
    ]
    shapes = schema["components"]["schemas"].values()
    return parameters + [shape["properties"][name] for shape in shapes if name in shape.get("properties", ())]


def _known_names(names: Iterable[str]) -> dict[str, Any]:
    known = sorted(names)
    return {"items": {"type": "string", "enum": known}} if known else {"maxItems": 0}
