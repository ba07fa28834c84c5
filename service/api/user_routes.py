"""Users' own data: handing it out, erasing it."""

from dataclasses import asdict

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from service.api.deps import deps_of, in_write_thread
from service.api.documented import problems
from service.api.id_path import USER_PARTS, UserId, checked_id, written_id
from service.api.schemas import ExportShape, ReceiptShape

router = APIRouter(tags=["users"])


@router.get(
    "/v1/users/{user_id:id}/export",
    summary="Everything that is kept of a user",
    response_model=ExportShape,
    responses=problems(404, 422, 503),
)
async def export_user(request: Request, user_id: UserId) -> JSONResponse:
    """All accepted events of the user, also those that do not count in answers yet."""
    checked_id(request, user_id, "user_id")
    return JSONResponse(await run_in_threadpool(deps_of(request).users.export, user_id))


@router.delete(
    "/v1/users/{user_id:id}",
    summary="Erase a user",
    response_model=ReceiptShape,
    responses=problems(404, 422, 503),
)
async def erase_user(request: Request, user_id: UserId) -> JSONResponse:
    """Removes the user's events, reviews and node from event log, graph and quarantine, and the bytes from
    the disk; the receipt names every place, and what is still kept where until when.

    Loading the old files again does not bring the user back. A user of that id who acts later is a new one.
    503 `home-busy` while files are loaded: nothing was erased, try again.
    """
    written_id(request, user_id, "user_id", USER_PARTS)
    deps = deps_of(request)
    receipt = await in_write_thread(deps, deps.users.erase, user_id)
    return JSONResponse(asdict(receipt))
