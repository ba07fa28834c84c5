"""The page and the web component in a real headless Chromium over a real server."""

import http.server
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, expect, sync_playwright

from tests.e2e.test_serving import Server

pytestmark = [pytest.mark.browser, pytest.mark.slow]

SIZES = {"desktop": (1280, 900), "phone": (390, 844)}
HOSTILE = "<script>window.bitten=1</script><img src=x onerror=window.bitten=1>\"'&{{7*7}}"
SERIOUS = ("serious", "critical")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    binary = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
    if binary is None:
        pytest.skip("NO CHROMIUM: to run this test: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def shop_page_origin() -> Iterator[str]:
    """Where a shop's own pages come from: another origin than Ilk's."""
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _ShopPage)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


class _ShopPage(http.server.BaseHTTPRequestHandler):
    """`/?ilk=ADDRESS&item=ID`: a product page that uses the component."""

    def do_GET(self) -> None:
        ilk, _, item = self.path.partition("?ilk=")[2].partition("&item=")
        body = (
            "<!doctype html><html lang=en><title>Product</title><link rel=icon href='data:,'>"
            f"<h1>Product</h1><script src='{ilk}/static/ilk-similar.js'></script>"
            f"<ilk-similar item-id='{item}' k='4' src='{ilk}' link='/p/{{id}}'></ilk-similar>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet."""


@pytest.fixture(scope="module")
def server(
    small_home: Path, tmp_path_factory: pytest.TempPathFactory, shop_page_origin: str
) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("page") / "home"
    shutil.copytree(small_home, home)
    running = Server(home, environment={"ILK_SERVE__CORS_ORIGINS": f'["{shop_page_origin}"]'})
    yield running
    if running.process.poll() is None:
        running.stop()


@pytest.fixture(params=list(SIZES))
def page(request: pytest.FixtureRequest, browser: Browser, server: Server) -> Iterator[Page]:
    """The page, at a desktop's and a phone's width; whatever the console complains of fails the test."""
    width, height = SIZES[request.param]
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.set_default_timeout(60_000)
    expect.set_options(timeout=60_000)
    complaints: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            complaints.append(message.text)

    page.on("console", heard)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(str(server.client.base_url))
    expect(page.locator("#results li").first).to_be_visible()
    yield page
    context.close()
    assert not complaints


def no_serious_problem(page: Page) -> None:
    found = Axe().run(page).response["violations"]
    assert [(one["id"], one["nodes"][0]["html"]) for one in found if one["impact"] in SERIOUS] == []


def no_sideways_scrolling(page: Page) -> None:
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth")


def open_item(page: Page, item_id: str) -> None:
    page.get_by_label("Search by meaning, or an item's id").fill(item_id)
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#freshness")).to_contain_text("events through")
    expect(page.locator("#item-facts")).to_contain_text(item_id)


def test_search_neighbours_and_why(page: Page, server: Server) -> None:
    page.get_by_label("Search by meaning, or an item's id").fill("espresso machine")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#found-title")).to_have_text("Found for “espresso machine”")
    expect(page.locator("#results li")).to_have_count(10)
    open_item(page, "S0000")
    served = server.client.get("/v1/items/S0000/similar?k=10").json()["results"]
    shown = page.locator("#neighbours li")
    expect(shown).to_have_count(10)
    assert [one.get_attribute("data-id") for one in shown.all()] == [row["item_id"] for row in served]
    shown.first.get_by_role("button", name="Why").click()
    expect(page.locator("#why-picture svg")).to_be_visible()
    expect(page.locator("#why-score")).to_have_text(f"{served[0]['score']:.3f}")
    adds = [float(one) for one in page.locator("#why-parts tbody tr td:nth-child(2)").all_inner_texts()[:-1]]
    assert sum(adds) == pytest.approx(served[0]["score"], abs=0.01)
    page.get_by_text("In Neo4j Browser").click()
    assert page.locator("#cypher").input_value().startswith(":params {a: ")
    no_serious_problem(page)
    no_sideways_scrolling(page)


def test_a_search_is_not_replaced_by_what_the_page_began_with(page: Page) -> None:
    """Whoever types quickly: what rises comes after the answer to the search."""
    held: list[Route] = []
    page.route("**/v1/trending*", lambda route: held.append(route))
    page.reload()
    page.get_by_label("Search by meaning, or an item's id").fill("espresso machine")
    page.get_by_role("button", name="Search").click()
    expect(page.locator("#results li")).to_have_count(10)
    found = page.locator("#results").inner_text()
    while not held:
        page.wait_for_timeout(100)
    with page.expect_response("**/v1/trending*"):
        held[0].continue_()
    page.wait_for_timeout(300)
    assert page.locator("#results").inner_text() == found


def test_a_live_event_moves_the_neighbours(page: Page, server: Server) -> None:
    open_item(page, "S0001")
    near = {row["item_id"] for row in server.client.get("/v1/items/S0001/similar?k=10").json()["results"]}
    far = next(f"S{number:04d}" for number in range(79, 0, -1) if f"S{number:04d}" not in near)
    before = server.client.get("/v1/status").json()["sequence"]
    page.get_by_label("this and the item").fill(far)
    page.get_by_role("button", name="Send").click()
    expect(page.locator("#live-times")).to_contain_text("in the answers after")
    assert server.client.get("/v1/status").json()["sequence"] == before + 2
    expect(page.locator("#freshness")).to_contain_text(f"events through {before + 2:,}")


def test_releases_rules_and_counts(page: Page, server: Server) -> None:
    version = server.client.get("/v1/status").json()["release"]["version"]
    expect(page.locator("#release-rows")).to_contain_text(version)
    expect(page.locator("#release-rows")).to_contain_text("serves")
    expect(page.locator("#counts")).to_contain_text("in answers")
    expect(page.locator("#cleaning li").first).to_be_visible()
    expect(page.locator("#schedule")).to_contain_text("Nothing is planned")
    open_item(page, "S0002")
    last = page.locator("#neighbours li").last.get_attribute("data-id")
    page.get_by_text("Add a rule").click()
    page.get_by_label("Item id", exact=True).fill(str(last))
    page.get_by_label("That item's id, or the category").fill("S0002")
    page.locator("#rule-author").fill("Mia")
    page.locator("#rule-reason").fill("spring campaign")
    page.get_by_role("button", name="Add rule").click()
    expect(page.locator("#rule-list")).to_contain_text("spring campaign")
    expect(page.locator("#neighbours li").first).to_contain_text("pinned")
    no_serious_problem(page)
    page.get_by_role("button", name="End the rule").click()
    expect(page.locator("#rule-list")).to_contain_text("There are none")
    page.get_by_text("Roll back").click()
    page.locator("#rollback-author").fill("Mia")
    page.locator("#rollback-reason").fill("trying")
    no_sideways_scrolling(page)


def test_the_keyboard_alone_is_enough(page: Page) -> None:
    page.get_by_label("Search by meaning, or an item's id").focus()
    page.keyboard.type("S0003")
    page.keyboard.press("Enter")
    expect(page.locator("#item-title")).to_be_focused()
    page.get_by_role("button", name="Why").first.focus()
    page.keyboard.press("Enter")
    expect(page.locator("#why-title")).to_be_focused()


def test_titles_are_text_whatever_they_hold(page: Page, server: Server) -> None:
    item_id = 'hostile"><script>window.bitten=1</script>'
    put = server.client.put("/v1/items", params={"item_id": "S0004"}, json={"title": HOSTILE})
    if put.status_code == 405:
        put = server.client.put("/v1/items/S0004", json={"title": HOSTILE, "brand": HOSTILE})
    assert put.status_code in (200, 201), put.text
    rule = {
        "kind": "always_with",
        "item_id": "S0004",
        "scope": "everywhere",
        "author": item_id,
        "reason": HOSTILE,
    }
    made = server.client.post("/v1/rules", json=rule).json()["rule_id"]
    page.reload()
    expect(page.locator("#rule-list")).to_contain_text("window.bitten=1")
    open_item(page, "S0005")
    expect(page.locator("#neighbours")).to_contain_text(HOSTILE)
    row = page.locator("#neighbours li[data-id=S0004]")
    row.get_by_role("button", name="Why").click()
    expect(page.locator("#why-picture svg")).to_be_visible()
    row.locator(".title").click()
    expect(page.locator("#item-title")).to_have_text(HOSTILE)
    assert page.evaluate("window.bitten") is None
    assert page.locator("main script, main img").count() == 0
    server.client.delete(f"/v1/rules/{made}", params={"author": "Mia"})


def test_the_component_shows_neighbours_in_a_shops_own_page(
    browser: Browser, server: Server, shop_page_origin: str
) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(f"{shop_page_origin}/?ilk={str(server.client.base_url).rstrip('/')}&item=S0000")
    links = page.locator("ilk-similar a")
    expect(links).to_have_count(4, timeout=60_000)
    served = server.client.get("/v1/items/S0000/similar?k=4").json()["results"]
    assert [one.get_attribute("href") for one in links.all()] == [f"/p/{row['item_id']}" for row in served]
    page.evaluate("document.querySelector('ilk-similar').setAttribute('item-id', 'S0007')")
    other = server.client.get("/v1/items/S0007/similar?k=4").json()["results"]
    expect(links.first).to_have_attribute("href", f"/p/{other[0]['item_id']}", timeout=60_000)
    no_serious_problem(page)
    page.close()
    assert complaints == []


def test_everything_of_the_page_comes_from_here_and_nothing_is_inline(server: Server) -> None:
    answer = server.client.get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "<style" not in answer.text
    assert "http://" not in answer.text
    assert "https://" not in answer.text
    for path in ("/static/../settings.py", "/static/..%2fsettings.py", "/static/%2e%2e/app.py", "/static/"):
        assert server.client.get(path).status_code == 404
