"""How long after a plain Cypher statement does a relationship count in the served answers?

Baseline: the same event through `POST /v1/events`, in turn with them. Run from the project's root, on a home
with a release whose graph lies in the Neo4j that the environment names (`. .neo4j/env`; `ilk copy --to` takes
one there). Home and graph are written to, so take ones that you can give up:
`python -m benchmarks.foreign_edges --home DIR [--edges 20] [--pairs 3]`.

Counting means that `events_through` of the answer about the item contains the edge. Pairs are planted
besides: one statement draws edges of `--planters` new shoppers to A, then to B, and the time is taken until
B stands in A's top 10 of `next`, where it did not stand before.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, LiteralString

import httpx
import neo4j

from benchmarks.measurement import HEADER, Timing, machine, row
from service.home import Home
from service.settings import Settings, load_settings
from service.stores import closing_both, graph_password, open_store

LIMIT_SECONDS = 60.0
BASELINE = "POST /v1/events"

EDGES: dict[str, LiteralString] = {
    "edge with `at`": "MATCH (u:User {userId: $user}), (i:Item {itemId: $item}) "
    "CREATE (u)-[:VIEWED {at: timestamp() * 1000}]->(i)",
    "edge without `at`": "MATCH (u:User {userId: $user}), (i:Item {itemId: $item}) CREATE (u)-[:VIEWED]->(i)",
    "review with a datetime()": "MATCH (u:User {userId: $user}), (i:Item {itemId: $item}) "
    "CREATE (u)-[:REVIEWED {at: datetime(), rating: 5}]->(i)",
    "review without `at`": "MATCH (u:User {userId: $user}), (i:Item {itemId: $item}) "
    "CREATE (u)-[:REVIEWED {rating: 5}]->(i)",
    "purchase of a new user": "MATCH (i:Item {itemId: $item}) "
    "CREATE (:User {userId: 'new ' + randomUUID()})-[:PURCHASED]->(i)",
}
"""As somebody would write them: of relations that a graph is full of, and of one that it hardly has."""
PLANT: LiteralString = (
    "MATCH (a:Item {itemId: $a}), (b:Item {itemId: $b}) UNWIND range(1, $planters) AS n "
    "CREATE (u:User {userId: $name + n}), (u)-[:VIEWED {at: timestamp() * 1000 - 10000000}]->(a), "
    "(u)-[:VIEWED {at: timestamp() * 1000 - 9000000}]->(b)"
)


@dataclass
class Shop:
    """A server that answers, and the graph behind it."""

    client: httpx.Client
    graph: neo4j.Driver
    database: str
    items: list[str]
    users: list[str]
    seconds: dict[str, list[float]] = field(default_factory=dict)
    """By what was done."""
    never: Counter[str] = field(default_factory=Counter)
    """What did not count within `LIMIT_SECONDS`."""
    rng: random.Random = field(default_factory=lambda: random.Random(7))

    def cypher(self, statement: LiteralString, **parameters: Any) -> None:
        """Run it as anybody would."""
        self.graph.execute_query(statement, parameters, database_=self.database)

    def post(self, *events: dict[str, Any]) -> None:
        """The same by the API."""
        self.client.post("/v1/events", json={"events": list(events)}).raise_for_status()

    def similar(self, item: str, **query: str) -> dict[str, Any]:
        """The answer about an item."""
        answer = self.client.get("/v1/similar", params={"item_id": item, **query}).raise_for_status()
        told: dict[str, Any] = answer.json()
        return told

    def wait(self, name: str, began: float, done: Callable[[], bool]) -> None:
        """Poll until it is so; what that took counts under the name."""
        while not done():
            if time.perf_counter() - began > LIMIT_SECONDS:
                self.never[name] += 1
                return
            time.sleep(0.02)
        self.seconds.setdefault(name, []).append(time.perf_counter() - began)


def main() -> None:
    """Print seconds by kind of edge, each beside the same event through the API."""
    arguments = _arguments()
    settings = load_settings(arguments.home)
    if not settings.graph.url.startswith(("bolt", "neo4j")):
        raise SystemExit("no server: make neo4j && . .neo4j/env")
    print(machine())
    with (
        tempfile.TemporaryDirectory(prefix="ilk-foreign-") as folder,
        _shop(Home(arguments.home), settings, Path(folder) / "serve.log") as shop,
    ):
        print(f"{len(shop.items)} items, {len(shop.users)} users, load {os.getloadavg()[0]:.1f}")
        for turn in range(arguments.edges):
            for name in (BASELINE, *EDGES):
                # not in step with the updater's looks
                time.sleep(shop.rng.uniform(0, 1))
                _count(shop, name)
            if turn == 0:
                print("first of each: " + _each(shop))
        for number in range(arguments.pairs):
            for name in ("pair by POST", "pair by Cypher"):
                _plant(shop, name, number, arguments.planters)
        _print(shop)


def _count(shop: Shop, name: str) -> None:
    item, user = shop.rng.choice(shop.items), shop.rng.choice(shop.users)
    before = int(shop.client.get("/v1/status").json()["sequence"])
    began = time.perf_counter()
    if name == BASELINE:
        shop.post({"user_id": user, "item_id": item, "event_type": "view_item"})
    else:
        shop.cypher(EDGES[name], user=user, item=item)
    shop.wait(name, began, lambda: shop.similar(item)["events_through"] > before)


def _plant(shop: Shop, name: str, number: int, planters: int) -> None:
    def is_near() -> bool:
        return b in {row["item_id"] for row in shop.similar(a, objective="next", k="10")["results"]}

    a, b = shop.rng.sample(shop.items, 2)
    while is_near():
        a, b = shop.rng.sample(shop.items, 2)
    shoppers = f"{name} {number} {shop.rng.random()} "
    began = time.perf_counter()
    if name == "pair by Cypher":
        shop.cypher(PLANT, a=a, b=b, planters=planters, name=shoppers)
    else:
        ago = [(a, time.time() - 10), (b, time.time() - 9)]
        shop.post(
            *(
                {"user_id": f"{shoppers}{n}", "item_id": item, "event_type": "view_item", "timestamp": at}
                for n in range(planters)
                for item, at in ago
            )
        )
    shop.wait(name, began, is_near)


def _print(shop: Shop) -> None:
    print(HEADER)
    baselines = {"pair by Cypher": "pair by POST", "pair by POST": "pair by POST"}
    for name, seconds in shop.seconds.items():
        baseline = Timing.of(shop.seconds[baselines.get(name, BASELINE)])
        within = sum(one <= 5 for one in seconds)
        note = f"longest {max(seconds):.2f} s, {within} of {len(seconds)} within 5 s"
        print(row(name, Timing.of(seconds), baseline, note))
    for name, times in shop.never.items():
        print(f"{times} x {name}: not within {LIMIT_SECONDS:g} s")
    print(f"load {os.getloadavg()[0]:.1f}")


def _each(shop: Shop) -> str:
    return ", ".join(f"{name} {seconds[0]:.2f} s" for name, seconds in shop.seconds.items())


@contextmanager
def _shop(home: Home, settings: Settings, out: Path) -> Iterator[Shop]:
    store = open_store(settings, home)
    with closing_both(store):
        items, users = ([str(one) for one in store.node_keys(kind).ids if one] for kind in ("item", "user"))
    command = [str(Path(sys.executable).with_name("ilk")), "--home", str(home.root), "serve", "--port", "0"]
    began = time.time()
    with out.open("wb") as written:
        server = subprocess.Popen(command, stdout=written, stderr=written)
    graph = settings.graph
    try:
        with (
            httpx.Client(base_url=_address(server, out), timeout=60) as client,
            neo4j.GraphDatabase.driver(graph.url, auth=(graph.user, graph_password(graph))) as driver,
        ):
            while (client.get("/v1/status").json()["updater"] or {"at": 0.0})["at"] < began:
                time.sleep(0.3)
            time.sleep(10)  # the updater reads the graph
            yield Shop(client, driver, graph.database, items, users)
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=60)


def _address(server: "subprocess.Popen[bytes]", out: Path) -> str:
    while not (found := re.search(r"serving\s+(http://\S+)", out.read_text("utf-8"))):
        if server.poll() is not None:
            raise SystemExit(out.read_text("utf-8"))
        time.sleep(0.2)
    return found[1]


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--home", type=Path, default=Path(".ilk"))
    parser.add_argument("--edges", type=int, default=20, help="of each kind")
    parser.add_argument("--pairs", type=int, default=3, help="planted by each way")
    parser.add_argument("--planters", type=int, default=20, help="shoppers of one planted pair")
    return parser.parse_args()


if __name__ == "__main__":
    main()
