"""`IlkClient`: the HTTP API as typed calls, over httpx."""

from collections.abc import Iterable, Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

from service.client.answers import Event, Events, Explanation, Similar
from service.client.errors import IlkUnreachable, problem_of

_PATH_HOSTILE = (".", "..")


class IlkClient:
    """One server; safe from many threads. Errors: see `service.client.errors`.

    Further conditions of the API (`category`, `brand`, `price_min`, `in_stock`, `exclude`, `diversity`, ...)
    are keyword arguments of the reads.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        timeout: float = 10.0,
        http: httpx.Client | None = None,
    ) -> None:
        """timeout: seconds for one call. http: an `httpx.Client` of one's own; base_url and timeout are then
        those of it."""
        self._http = http or httpx.Client(base_url=base_url, timeout=timeout)
        self._headers = {"X-API-Key": api_key} if api_key else {}

    def similar(self, item_id: str, k: int = 10, objective: str = "related", **conditions: Any) -> Similar:
        """Items like an item, best first."""
        asked = {"item_id": item_id, "k": k, "objective": objective, **conditions}
        return Similar.from_json(self.call("GET", "/v1/similar", params=asked))

    def search(self, q: str, k: int = 10, **conditions: Any) -> Similar:
        """Items whose texts are nearest to the words in meaning."""
        return Similar.from_json(self.call("GET", "/v1/search", params={"q": q, "k": k, **conditions}))

    def recommend(self, user_id: str, k: int = 10, **conditions: Any) -> Similar:
        """Items for a user; seen ones are left out."""
        asked = {"user_id": user_id, "k": k, **conditions}
        return Similar.from_json(self.call("GET", "/v1/recommendations", params=asked))

    def for_items(self, item_ids: Sequence[str], k: int = 10, **conditions: Any) -> Similar:
        """Items for a basket or a visit, its items oldest first."""
        body = {"item_ids": list(item_ids), "k": k, **conditions}
        return Similar.from_json(self.call("POST", "/v1/recommendations:for-items", json=body))

    def trending(self, k: int = 10, **conditions: Any) -> Similar:
        """Items whose demand has risen most against their own past."""
        return Similar.from_json(self.call("GET", "/v1/trending", params={"k": k, **conditions}))

    def explain(self, item_id: str, other: str, objective: str = "related") -> Explanation:
        """Why one item is like another."""
        asked = {"item_id": item_id, "other": other, "objective": objective}
        return Explanation.from_json(self.call("GET", "/v1/explain", params=asked))

    def send(self, events: Iterable[Event]) -> Events:
        """Log events; durable when this returns."""
        body = {"events": [event.to_json() for event in events]}
        return Events.from_json(self.call("POST", "/v1/events", json=body))

    def put_item(self, item_id: str, **fields: Any) -> dict[str, Any]:
        """Insert or replace an item; the item as it is now."""
        found: dict[str, Any] = self.call("PUT", self._item_path(item_id), json=fields)
        return found

    def delete_item(self, item_id: str) -> None:
        """Delete an item: no answer shows it from now on."""
        self.call("DELETE", "/v1/items", params={"item_id": item_id})

    def erase_user(self, user_id: str) -> dict[str, Any]:
        """Erase a user; the receipt."""
        receipt: dict[str, Any] = self.call("DELETE", f"/v1/users/{quote(user_id, safe='')}")
        return receipt

    def status(self) -> dict[str, Any]:
        """Counts, sequence numbers, lag, release, store."""
        found: dict[str, Any] = self.call("GET", "/v1/status")
        return found

    def call(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
    ) -> Any:
        """Any route: the JSON of its answer, or None. Raises `IlkProblem`, `IlkUnreachable`."""
        try:
            answer = self._http.request(method, path, params=params, json=json, headers=self._headers)
        except httpx.TransportError as error:
            raise IlkUnreachable(f"no answer from {self._http.base_url}: {error}") from error
        if answer.is_success:
            return answer.json() if answer.content else None
        try:
            document = answer.json()
        except ValueError:
            document = {}
        wait = answer.headers.get("retry-after", "")
        raise problem_of(
            answer.status_code,
            document if isinstance(document, dict) else {},
            float(wait) if wait.isdigit() else None,
        )

    def close(self) -> None:
        """Close the connections; idempotent."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @staticmethod
    def _item_path(item_id: str) -> str:
        if item_id in _PATH_HOSTILE:
            raise ValueError(f"no item can be written under the id {item_id!r}: clients drop it from paths")
        return f"/v1/items/{quote(item_id, safe='')}"
