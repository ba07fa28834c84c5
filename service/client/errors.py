"""What a call can raise.

::

    IlkProblem              the server answered with a problem document
    ├── NotFound            404: no such item, user, rule or release
    ├── Refused             400, 401, 403, 409, 413, 422: the request must change before it is sent again
    ├── TooManyRequests     429: send it again after `retry_after` seconds
    └── NotReady            503: send it again after `retry_after` seconds
    IlkUnreachable          no answer arrived
"""

from typing import Any


class IlkProblem(Exception):
    """A problem document (RFC 9457)."""

    def __init__(self, status: int, document: dict[str, Any], retry_after: float | None = None) -> None:
        super().__init__(document.get("detail") or f"the server answered {status}")
        self.status = status
        self.kind = str(document.get("type", "")).rpartition(":")[2]
        """Last part of the problem's `type`, such as `unknown-item`."""
        self.request_id = document.get("request_id")
        """Also in the server's log."""
        self.document = document
        self.retry_after = retry_after
        """Seconds; None where the server did not say."""


class NotFound(IlkProblem):
    """There is no such item, user, rule or release."""


class Refused(IlkProblem):
    """The request must change before it is sent again."""


class TooManyRequests(IlkProblem):
    """The key asked too often, or the server is too far behind."""


class NotReady(IlkProblem):
    """No release, no store, or not as fresh as asked for."""


class IlkUnreachable(Exception):
    """No answer arrived: the address, the network or the server."""


def problem_of(status: int, document: dict[str, Any], retry_after: float | None) -> IlkProblem:
    """The error for an answer."""
    kinds: dict[int, type[IlkProblem]] = {404: NotFound, 429: TooManyRequests, 503: NotReady}
    kind = kinds.get(status, Refused if 400 <= status < 500 else IlkProblem)
    return kind(status, document, retry_after)
