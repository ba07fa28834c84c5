"""Neo4j Browser itself: logs in, takes style and guide from the kit, draws the guide's first query.

`ILK_SCREENSHOTS=FOLDER` keeps the pictures.
"""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from graph.item import Item
from graph.neo4j_browser import browser_queries, kit_server
from graph.neo4j_store import Neo4jGraphStore
from graph.store import SimilarRow
from tests.graph.events import apply, event
from tests.graph.neo4j.chromium import Chromium
from tests.graph.neo4j.database import address

pytestmark = [pytest.mark.neo4j, pytest.mark.browser, pytest.mark.slow]

EDITOR = "[data-testid=activeEditor] textarea"
FRAME = "[data-testid=frame]"
FORM = "return document.querySelector(arguments[0]) !== null"


@pytest.fixture
def chromium() -> Iterator[Chromium]:
    made = Chromium()
    yield made
    made.close()


@pytest.fixture
def kit() -> Iterator[str]:
    """Address of the served kit."""
    with kit_server() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


STYLES = ("Classic", "Compact", "Pro", "Everyday", "Studio", "Heritage")
THINGS = ("Espresso Machine", "Coffee Grinder", "Milk Jug", "Cappuccino Cups", "Coffee Beans")


def fill(store: Neo4jGraphStore) -> str:
    """Thirty items of a made-up shop, neighbours among them, users; returns the item to look at."""
    items = [
        Item(f"S{n:04d}", title=f"{style} {thing}", categories=("Kitchen > Coffee",))
        for n, (style, thing) in enumerate((style, thing) for style in STYLES for thing in THINGS)
    ]
    ids = [item.item_id for item in items]
    store.upsert_items(Item.to_frame(items))
    store.replace_similar(
        "r1",
        [
            SimilarRow(one, ids[(n + 3 * k) % 30], k, 1 - k / 10)
            for n, one in enumerate(ids)
            for k in range(1, 7)
        ],
    )
    kinds = ("view_item", "purchase", "review")
    apply(
        store,
        *(
            event(f"{user}-{n}", f"user {user}", ids[(user * n) % 6], kinds[n % 3], at=n)
            for user in range(8)
            for n in (1, 2)
        ),
    )
    return ids[0]


def log_in(chromium: Chromium, password: str) -> None:
    """Fill in the form and wait until it is gone; three times, as in `run`, for the same reason.

    The form may go at any moment, also while it is filled in once more: that is what was waited for.
    """
    field = "input[type=password]"
    chromium.find(field)

    def gone() -> bool:
        return not chromium.script(FORM, field)

    for _ in range(3):
        chromium.script("document.querySelector(arguments[0])?.select()", field)  # typing replaces it
        chromium.comes_true(lambda: gone() or chromium.typed(field, password), 25.0)
        chromium.comes_true(lambda: gone() or chromium.clicked("[data-testid=connect]"), 25.0)
        if chromium.comes_true(gone, 25.0):
            return
    pytest.fail("Neo4j Browser did not log in")


def run(chromium: Chromium, text: str, shown: str, where: str = FRAME) -> None:
    """Run a text in the editor and wait until the page shows something.

    Tried three times: an editor that the page is still building loses what is typed into it.
    """
    page = f"return document.querySelector('{where}').innerText"
    for _ in range(3):
        chromium.replace_text(EDITOR, text)
        chromium.click("[data-testid=editor-Run]")
        if chromium.comes_true(lambda: shown in chromium.script(page), 25.0):
            return
    pytest.fail(f"{text[:60]!r} did not show {shown!r}")


def take(chromium: Chromium, path: Path) -> None:
    """A picture of the graph, as large as fits, once its layout has come to rest."""
    time.sleep(3.0)
    chromium.script("document.querySelector('[aria-label^=Collapse]')?.click()")  # it covers the graph
    time.sleep(1.0)
    chromium.script("document.querySelector('[aria-label=zoom-to-fit]')?.click()")
    time.sleep(2.0)
    chromium.screenshot(path)


def test_a_newcomer_sees_a_styled_graph(
    neo4j_store: Neo4jGraphStore, chromium: Chromium, kit: str, tmp_path: Path
) -> None:
    http = os.environ.get("ILK_NEO4J_HTTP", "")
    if not http:
        pytest.skip("ILK_NEO4J_HTTP is not set: make neo4j && . .neo4j/env")
    item = fill(neo4j_store)
    pictures = Path(os.environ.get("ILK_SCREENSHOTS", tmp_path))
    to = address()
    chromium.open(f"{http}/browser/?connectURL={to.url.replace('://', f'://{to.user}@')}")
    log_in(chromium, to.password)
    run(chromium, f":style {kit}/style.grass", "node.Item")
    run(chromium, f":guide {kit}/guide.html", "What you are looking at", "body")
    run(chromium, f":param item => '{item}'", "Successfully set")
    query = next(one for one in browser_queries() if one.name == "01_item")
    run(chromium, query.text, "Displaying")
    take(chromium, pictures / "neo4j-guide.png")
    chromium.click("[data-testid=navigationGuides]")  # closes the drawer
    chromium.script(f"document.querySelector('{FRAME} [title=Fullscreen]')?.click()")
    take(chromium, pictures / "neo4j-item.png")
    colours = "return [...document.querySelectorAll('circle')].map(one => one.getAttribute('fill'))"
    assert {"#1F77B4", "#E3A12B", "#3B9C6E"} <= set(chromium.script(colours))
    captions = chromium.script(
        "return [...document.querySelectorAll('svg text')].map(one => one.textContent)"
    )
    title = neo4j_store.items([item])["title"][0]
    assert any(title.split()[0] in caption for caption in captions)
