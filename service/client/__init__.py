"""A typed client of the HTTP API: `IlkClient`, its answers and its errors."""

from service.client.answers import Event, EventResult, Events, Explanation, Item, Similar
from service.client.client import IlkClient
from service.client.errors import IlkProblem, IlkUnreachable, NotFound, NotReady, Refused, TooManyRequests

__all__ = [
    "Event",
    "EventResult",
    "Events",
    "Explanation",
    "IlkClient",
    "IlkProblem",
    "IlkUnreachable",
    "Item",
    "NotFound",
    "NotReady",
    "Refused",
    "Similar",
    "TooManyRequests",
]
