"""What the whole API costs over a bare search: Ilk's route against FastAPI + FAISS over the same vectors.

A made-up release of the served dimension (text 384, embedding 64, trend, hub correction) with random signals.
The servers run one worker each, one after the other, under the same load. Run from the project's root:
`python -m benchmarks.serving [--items 100000] [--requests 2000] [--callers 4]`.
"""

import argparse
import asyncio
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import uvicorn
from fastapi import FastAPI
from scipy import sparse
from starlette.concurrency import run_in_threadpool

from benchmarks.measurement import machine
from gnn import FittedIlk, IlkConfig, Objective
from gnn.signals import ItemSignals
from gnn.similar_features import TREND_NAMES
from gnn.typed_paths import PATH_NAMES, TypedPaths
from graph.frames import ITEM_SCHEMA
from index import build_index, load_index
from service.api import ApiKeys, bind
from service.home import Home
from service.releases.items import RELEASE_ITEM_SCHEMA
from service.releases.store import ReleaseStore
from service.releases.writer import ReleaseDraft
from service.serving import make_app
from service.settings import load_settings
from service.stores import open_log, open_store

K = 10
TEXT, EMBEDDING, PER_ROW = 384, 64, 50


def main() -> None:
    """Print one line per situation."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--items", type=int, default=100_000)
    parser.add_argument("--requests", type=int, default=2_000)
    parser.add_argument("--callers", type=int, default=4)
    asked = parser.parse_args()
    print(machine())
    with tempfile.TemporaryDirectory(prefix="ilk-serving-") as folder:
        home = Path(folder) / "home"
        _make_home(home, asked.items)
        situations: list[tuple[str, Callable[[], Any], str]] = [
            ("bare FastAPI + FAISS", partial(_bare_app, home), "/similar?item_id={}"),
            ("Ilk", partial(make_app, home, {}), "/v1/similar?item_id={}"),
            ("Ilk, 1 % pass", partial(make_app, home, {}), "/v1/similar?item_id={}&category=C7"),
        ]
        print(f"{asked.items} items, k = {K}, {asked.callers} callers, {asked.requests} requests each")
        print(f"{'':24}{'requests/s':>12}{'p50 ms':>10}{'p99 ms':>10}{'p99 ratio':>11}")
        baseline = 0.0
        for name, factory, path in situations:
            seconds, wall = _measured(factory, path, asked.items, asked.requests, asked.callers)
            p50, p99 = (float(np.percentile(seconds, share)) * 1000 for share in (50, 99))
            baseline = baseline or p99
            rate = len(seconds) / wall
            print(f"{name:24}{rate:12.1f}{p50:10.1f}{p99:10.1f}{p99 / baseline:11.2f}", flush=True)


def _make_home(root: Path, n: int) -> None:
    """A shop of n items and a release of it."""
    rng = np.random.default_rng(0)
    home = Home(root)
    home.create()
    (root / "ilk.toml").write_text("", "utf-8")
    settings = load_settings(root)
    items = pl.DataFrame(
        {
            "item_id": [f"i{row}" for row in range(n)],
            "title": [f"Item number {row}" for row in range(n)],
            "categories": [[f"C{row % 100}"] for row in range(n)],
            "price": rng.uniform(1, 500, n),
        }
    ).with_columns(pl.lit("").alias(name) for name in ("description", "brand", "currency", "availability"))
    items = items.with_columns(image_url=pl.lit(""), attributes=pl.lit("{}"), alive=True)
    log, store = open_log(home), open_store(settings, home)
    store.upsert_items(items.select(list(ITEM_SCHEMA)))
    log.close()
    store.close()
    model = made_up_model(n, rng)
    draft = ReleaseDraft(
        model,
        build_index("auto", model.item_vectors()),
        items.select(list(RELEASE_ITEM_SCHEMA)),
        "made-up",
        0,
        1,
    )
    releases = ReleaseStore(home.releases)
    releases.publish(releases.write(draft))


def made_up_model(n: int, rng: np.random.Generator, per_row: int = PER_ROW, categories: int = 0) -> FittedIlk:
    """Random signals of the served size: n items, path rows of `per_row` entries, two of so many categories
    for each item (0: none)."""

    def unit(width: int) -> Any:
        vectors = rng.standard_normal((n, width), dtype=np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def path() -> Any:
        columns = np.sort(rng.integers(0, n, (n, per_row)), axis=1).ravel()
        data = rng.random(n * per_row, dtype=np.float32)
        return sparse.csr_array((data, columns.astype(np.int32), np.arange(n + 1) * per_row), shape=(n, n))

    category = None
    if categories:
        pairs = np.sort(rng.integers(0, categories, (n, 2)), axis=1).ravel()
        half = np.full(2 * n, np.sqrt(0.5), np.float32)
        category = sparse.csr_array((half, pairs, np.arange(n + 1) * 2), shape=(n, categories))

    signals = ItemSignals(
        paths=TypedPaths({name: path() for name in PATH_NAMES}, dict.fromkeys(PATH_NAMES, 1.0)),
        trend=rng.random((len(TREND_NAMES), n), dtype=np.float32),
        evidence=rng.random(n, dtype=np.float32),
        cold=np.zeros(n, np.bool_),
        text=unit(TEXT),
        hub=rng.random(n, dtype=np.float32) * 0.1,
        embedding=unit(EMBEDDING),
        user_side=unit(EMBEDDING),
        category=category,
        brand=rng.integers(0, categories, n) if categories else None,
    )
    config = IlkConfig()
    return FittedIlk(signals, config.mixes, config.user_mix, config)


def _bare_app(home: Path) -> FastAPI:
    """The least that answers the same question: an id in, the nearest ids with their scores out."""
    releases = ReleaseStore(Home(home).releases)
    release = releases.open_current()
    index = load_index(release.path / "index.faiss")
    ids, model = release.items, release.model
    app = FastAPI()

    def search(item_id: str) -> dict[str, Any]:
        row = ids.index_of(item_id) or 0
        vector = model.query_vectors(np.array([row]), Objective.RELATED)
        found, scores = index.search(vector, K + 1)
        pairs = zip(ids.ids_of(found[0]), scores[0].tolist(), strict=True)
        return {"results": [{"item_id": one, "score": score} for one, score in pairs if one != item_id]}

    @app.get("/similar")
    async def similar(item_id: str) -> dict[str, Any]:
        return await run_in_threadpool(search, item_id)

    @app.get("/health/ready")
    async def ready() -> dict[str, str]:
        return {"status": "ready"}

    return app


def _serve(factory: Callable[[], Any], listening: Any) -> None:
    quiet = os.open(os.devnull, os.O_WRONLY)  # access logs are written, but not between the figures
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    config = uvicorn.Config(factory, factory=True, log_config=None, access_log=False, lifespan="on")
    uvicorn.Server(config).run(sockets=[listening])


def _measured(
    factory: Callable[[], Any], path: str, n: int, requests: int, callers: int
) -> tuple[list[float], float]:
    """Seconds of each request, and of all of them together."""
    listening = bind("127.0.0.1", 0, ApiKeys())
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(factory, listening))
    process.start()
    port = listening.getsockname()[1]
    try:
        asyncio.run(_ask(port, "/health/ready"))
        asyncio.run(_load(port, path, n, 100, callers, seed=1))  # warm
        begin = time.perf_counter()
        seconds = asyncio.run(_load(port, path, n, requests, callers, seed=2))
        return seconds, time.perf_counter() - begin
    finally:
        process.terminate()
        process.join()
        listening.close()


async def _load(port: int, path: str, n: int, requests: int, callers: int, seed: int) -> list[float]:
    rows = np.random.default_rng(seed).integers(0, n, (callers, requests // callers))
    found = await asyncio.gather(*(_caller(port, [path.format(f"i{row}") for row in some]) for some in rows))
    return [one for some in found for one in some]


async def _caller(port: int, paths: list[str]) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    seconds = []
    for path in paths:
        begin = time.perf_counter()
        body = await _get(reader, writer, path)
        seconds.append(time.perf_counter() - begin)
        assert body.count(b'"item_id"') >= K, body[:300]
    writer.close()
    return seconds


async def _ask(port: int, path: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    body = await _get(reader, writer, path)
    writer.close()
    return body


async def _get(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str) -> bytes:
    writer.write(f"GET {path} HTTP/1.1\r\nHost: ilk\r\n\r\n".encode())
    head = await reader.readuntil(b"\r\n\r\n")
    assert b" 200 " in head.split(b"\r\n")[0], head
    length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length"))
    return await reader.readexactly(int(length.split(b":")[1]))


if __name__ == "__main__":
    main()
