"""Writes: items."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import JSONResponse, Response
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool

from graph.errors import InvalidItem
from graph.frames import ITEM_SCHEMA
from graph.ids import id_problem
from graph.item import Item
from service.api.deps import ApiDeps, deps_of, in_write_thread
from service.api.documented import problems
from service.api.id_path import ITEM_PARTS, ItemId, checked_id, refuse_parts_of_items, written_id
from service.api.item_bodies import ItemBody, ItemPatch, ItemRow, ItemsBody
from service.api.problems import Problem
from service.api.queries import ItemQuery
from service.api.schemas import ItemShape, ItemsShape

router = APIRouter(tags=["items"])

_WRITE_PROBLEMS = (400, 408, 413, 422, 503)


@router.post(
    "/v1/items:batch",
    summary="Insert or replace many items",
    response_model=ItemsShape,
    response_model_exclude_none=True,
    responses=problems(*_WRITE_PROBLEMS),
)
async def put_items(request: Request, body: ItemsBody) -> JSONResponse:
    """As `PUT /v1/items/{item_id}` for each row, in one transaction; of repeated ids the last row wins."""
    deps = deps_of(request)
    if len(body.items) > deps.limits.items:
        raise Problem(413, "too-many-items", f"at most {deps.limits.items} items in one request")
    return JSONResponse({"results": await in_write_thread(deps, _put_rows, deps, body.items)})


@router.put(
    "/v1/items/{item_id:id}",
    summary="Insert or replace an item",
    response_model=ItemShape,
    dependencies=[Depends(refuse_parts_of_items)],
    responses={
        201: {"model": ItemShape, "description": "The item is new."},
        **problems(*_WRITE_PROBLEMS),
    },
)
async def put_item(request: Request, item_id: ItemId, body: ItemBody) -> JSONResponse:
    """200 where the item was known, 201 where it is new; durable before the answer.

    At once, answers of every worker show the new title, price and so on, and a new item's own similar items
    are those with the nearest texts (`source` "text"). Soon after, as soon as the updater has encoded its
    text, it is found among the similar items of others, in searches and by its new values. An item that was
    deleted comes back as a new one.
    """
    item = body.item(checked_id(request, item_id, "item_id"))
    deps = deps_of(request)
    created = (await in_write_thread(deps, deps.catalogue.put, [item]))[0]
    return JSONResponse(_shown(item), 201 if created else 200)


@router.patch(
    "/v1/items/{item_id:id}",
    summary="Change some fields of an item",
    response_model=ItemShape,
    dependencies=[Depends(refuse_parts_of_items)],
    responses=problems(404, *_WRITE_PROBLEMS),
)
async def patch_item(request: Request, item_id: ItemId, body: ItemPatch) -> JSONResponse:
    """A merge patch (RFC 7396): fields that are left out stay, null empties one. Seen as after `PUT`."""
    checked_id(request, item_id, "item_id")
    deps = deps_of(request)
    item = await in_write_thread(deps, deps.catalogue.change, item_id, body.fields())
    return JSONResponse(_shown(item))


@router.delete(
    "/v1/items/{item_id:id}",
    summary="Delete an item",
    status_code=204,
    response_class=Response,
    responses=problems(404, 422, 503),
)
async def delete_item(request: Request, item_id: ItemId) -> Response:
    """From the answer on, no worker returns the item, and its own routes answer 404. Its edges go too."""
    written_id(request, item_id, "item_id", ITEM_PARTS)
    deps = deps_of(request)
    await in_write_thread(deps, deps.catalogue.delete, item_id)
    return Response(status_code=204)


@router.get(
    "/v1/items/{item_id:id}",
    summary="An item as it is now",
    response_model=ItemShape,
    responses=problems(404, 422, 503),
)
async def get_item(request: Request, item_id: ItemId) -> JSONResponse:
    """What the shop has of the item, whether or not a release knows it."""
    checked_id(request, item_id, "item_id")
    return JSONResponse(_shown(await run_in_threadpool(deps_of(request).catalogue.get, item_id)))


@router.get(
    "/v1/items",
    summary="An item as it is now, its id in the query",
    response_model=ItemShape,
    responses=problems(404, 422, 503),
)
async def get_item_by_id(request: Request, query: Annotated[ItemQuery, Query()]) -> JSONResponse:
    """As `GET /v1/items/{item_id}`, for any id, also one that ends in `/similar`."""
    return await get_item(request, query.item_id)


@router.delete(
    "/v1/items",
    summary="Delete an item, its id in the query",
    status_code=204,
    response_class=Response,
    responses=problems(404, 422, 503),
)
async def delete_item_by_id(request: Request, query: Annotated[ItemQuery, Query()]) -> Response:
    """As `DELETE /v1/items/{item_id}`, for any id."""
    return await delete_item(request, query.item_id)


def _shown(item: Item) -> dict[str, Any]:
    return {
        **{name: getattr(item, name) for name in ITEM_SCHEMA},
        "categories": list(item.categories),
        "attributes": dict(item.attributes),
    }


def _put_rows(deps: ApiDeps, rows: list[Any]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    items: list[Item] = []
    places: list[int] = []
    for place, row in enumerate(rows):
        try:
            read = ItemRow.model_validate(row)
            items.append(read.item(read.item_id))
        except (ValidationError, InvalidItem) as error:
            results.append(_rejected(row, error))
        else:
            places.append(place)
            results.append({"item_id": read.item_id})
    created = deps.catalogue.put(items) if items else []
    for place, new in zip(places, created, strict=True):
        results[place]["status"] = "created" if new else "updated"
    return results


def _rejected(row: Any, error: ValidationError | InvalidItem) -> dict[str, Any]:
    detail = str(error)
    if isinstance(error, ValidationError):
        first = error.errors(include_input=False, include_url=False)[0]
        detail = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
    item_id = row.get("item_id") if isinstance(row, dict) else None
    shown = item_id if isinstance(item_id, str) and id_problem(item_id) is None else None
    return {"item_id": shown, "status": "rejected", "reason": "invalid_item", "detail": detail}
