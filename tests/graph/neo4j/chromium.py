"""A headless Chromium, driven by chromedriver's own protocol (W3C WebDriver)."""

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

_CONTROL, _RELEASE, _DELETE = "\ue009", "\ue000", "\ue017"


class Chromium:
    """One window; to be closed."""

    def __init__(self) -> None:
        """Start it; the test is skipped loudly where Chromium or chromedriver is missing."""
        binary = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
        driver = shutil.which("chromedriver")
        if binary is None or driver is None:
            pytest.skip("NO CHROMIUM: to run this test: apt-get install chromium chromium-driver")
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self._process = subprocess.Popen(
            [driver, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        self._base = f"http://127.0.0.1:{port}"
        self.until(self._is_ready, "chromedriver")
        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000"]
        options = {"args": arguments, "binary": binary}
        wanted = {"capabilities": {"alwaysMatch": {"goog:chromeOptions": options}}}
        self._base += f"/session/{self._call('POST', '/session', wanted)['sessionId']}"

    def open(self, url: str) -> None:
        """Go to a page."""
        self._call("POST", "/url", {"url": url})

    def script(self, text: str, *arguments: object) -> Any:
        """Run JavaScript in the page; `return` gives its answer."""
        return self._call("POST", "/execute/sync", {"script": text, "args": list(arguments)})

    def find(self, css: str) -> str:
        """Wait for an element; its handle."""
        self.until(lambda: self._elements(css), css)
        return self._elements(css)[0]

    def click(self, css: str) -> None:
        """Click an element, once nothing covers it: a page still building moves things about."""
        self.until(lambda: self.clicked(css), f"a click on {css}")

    def type(self, css: str, text: str) -> None:
        """Type into an element, once it takes text."""
        self.until(lambda: self.typed(css, text), f"{css} to take text")

    def clicked(self, css: str) -> bool:
        """Click an element if it is there and nothing covers it; whether that was so."""
        return self._took(css, "click", {})

    def typed(self, css: str, text: str) -> bool:
        """Type into an element if it is there and takes text; whether that was so."""
        return self._took(css, "value", {"text": text})

    def replace_text(self, css: str, text: str) -> None:
        """Put a text into an editor at one go, in place of what it holds."""
        self.type(css, f"{_CONTROL}a{_RELEASE}{_DELETE}")
        self.script(
            "document.querySelector(arguments[0]).focus();"
            "document.execCommand('insertText', false, arguments[1])",
            css,
            text,
        )

    def screenshot(self, path: Path) -> None:
        """Save what the window shows."""
        path.write_bytes(base64.b64decode(self._call("GET", "/screenshot")))

    def until(self, condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
        """Wait for a condition; the test fails when it does not come true."""
        assert self.comes_true(condition, seconds), f"waited {seconds:.0f} s for {what}"

    def comes_true(self, condition: Callable[[], object], seconds: float) -> bool:
        """Whether a condition comes true in time."""
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True

    def close(self) -> None:
        """End the browser."""
        try:
            self._call("DELETE", "")
        finally:
            self._process.terminate()
            self._process.wait(timeout=30)

    def _took(self, css: str, action: str, body: dict[str, Any]) -> bool:
        """Whether an element took an action. The protocol refuses with 400 where it cannot be reached now,
        with 404 where the page has replaced it meanwhile; neither has done anything."""
        found = self._elements(css)
        if not found:
            return False
        try:
            self._call("POST", f"/element/{found[0]}/{action}", body)
        except urllib.error.HTTPError as refused:
            if refused.code not in (400, 404):
                raise
            return False
        return True

    def _elements(self, css: str) -> list[str]:
        found = self._call("POST", "/elements", {"using": "css selector", "value": css})
        return [next(iter(one.values())) for one in found]

    def _is_ready(self) -> bool:
        try:
            return bool(self._call("GET", "/status")["ready"])
        except (OSError, KeyError):
            return False

    def _call(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            self._base + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=120) as answer:
            return json.loads(answer.read())["value"]
