"""How large a request's body may be and how long it may take to arrive."""

import time

import anyio
from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import problem_of


class BodyLimit:
    """ASGI middleware: 413 for a body beyond `max_bytes`, 408 for one that takes longer than `seconds`."""

    def __init__(self, app: ASGIApp, max_bytes: int, seconds: float) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through with a watched body, or refuse it by its announced length."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdigit() and int(announced) > self._max_bytes:
            await problem_of(self._too_large()).response(scope)(scope, receive, send)
            return
        await self._app(scope, self._watched(receive), send)

    def _watched(self, receive: Receive) -> Receive:
        received, complete, deadline = 0, False, time.monotonic() + self._seconds

        async def watched() -> Message:
            nonlocal received, complete
            if complete:  # what follows is only the end of the connection: no limit on that
                return await receive()
            with anyio.move_on_after(max(0.0, deadline - time.monotonic())) as waiting:
                message = await receive()
            if waiting.cancelled_caught:
                raise HTTPException(408, f"the body did not arrive within {self._seconds:g} s")
            received += len(message.get("body", b""))
            complete = not message.get("more_body", False)
            if received > self._max_bytes:
                raise self._too_large()
            return message

        return watched

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"at most {self._max_bytes} bytes")
