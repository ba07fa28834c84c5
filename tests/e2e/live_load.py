"""Shoppers and readers in threads against a running server, and what they were told."""

import random
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from service.api.schemas import SimilarShape


@dataclass
class LiveLoad:
    """Sends events with ids of its own until each is acknowledged, and asks for similar items meanwhile.

    A connection that a killed worker took with it is tried again, as any client would.
    """

    address: str
    items: list[str]
    seed: int = 0
    pause: float = 0.01
    acknowledged: dict[str, int] = field(default_factory=dict)
    """Sequence number by event id."""
    malformed: list[str] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    """Statuses of reads that were answered with something else than 200."""
    broken: int = 0
    """Connections that were lost."""
    answers: int = 0
    backwards: int = 0
    """Answers with an older `events_through` than the same connection had seen."""
    told: list[tuple[str, int]] = field(default_factory=list)
    """(`model_version`, `events_through`) of each answer, in order."""
    _stopping: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def start(self) -> "LiveLoad":
        self._threads = [threading.Thread(target=run) for run in (self._write, self._read)]
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def last(self) -> int:
        return max(self.acknowledged.values(), default=0)

    def _write(self) -> None:
        rng, number = random.Random(self.seed), 0
        with httpx.Client(base_url=self.address, timeout=30) as client:
            while not self._stopping.is_set():
                number += 1
                event = {
                    "event_id": f"load-{self.seed}-{number}",
                    "user_id": f"shopper-{rng.randrange(50)}",
                    "item_id": rng.choice(self.items),
                    "event_type": "view_item",
                }
                while (told := self._post(client, event)) is None:
                    time.sleep(0.02)
                self.acknowledged[event["event_id"]] = told
                self._stopping.wait(self.pause)

    def _post(self, client: httpx.Client, event: dict[str, Any]) -> int | None:
        try:
            answer = client.post("/v1/events", json={"events": [event]})
        except httpx.TransportError:
            self.broken += 1
            return None
        if answer.status_code != 200:
            return None
        return int(answer.json()["results"][0]["sequence"])

    def _read(self) -> None:
        rng = random.Random(self.seed + 1)
        while not self._stopping.is_set():
            seen = 0
            try:
                with httpx.Client(base_url=self.address, timeout=30) as client:
                    while not self._stopping.wait(self.pause):
                        seen = self._ask(client, rng.choice(self.items), seen)
            except httpx.TransportError:
                self.broken += 1

    def _ask(self, client: httpx.Client, item_id: str, seen: int) -> int:
        answer = client.get(f"/v1/items/{item_id}/similar", params={"k": 5})
        self.answers += 1
        if answer.status_code != 200:
            self.refused.append(answer.status_code)
            return seen
        try:
            SimilarShape.model_validate(answer.json())
        except ValueError as error:
            self.malformed.append(str(error))
        through = int(answer.json()["events_through"])
        self.told.append((answer.json()["model_version"], through))
        self.backwards += through < seen
        return max(seen, through)
