"""The demo's download against a real HTTP server on loopback."""

import io
import threading
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import polars as pl
import pytest

from graph.formats import open_shop
from service.demo.download import COLUMNS, DownloadFailed, fetch_demo_shop


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves a folder without printing."""

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
        """Say nothing."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "site"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/shop.zip", folder
    server.shutdown()
    server.server_close()
    thread.join()


def workbook(rows: int = 4) -> bytes:
    table = pl.DataFrame(
        {
            "InvoiceNo": [f"{536365 + row}" for row in range(rows)],
            "StockCode": ["85123A", "71053", "84406B", "22752"][:rows],
            "Description": ["HEART HOLDER", "LANTERN", "COAT HANGER", "BOXES"][:rows],
            "Quantity": [6, 6, 8, 2][:rows],
            "InvoiceDate": [datetime(2010, 12, 1, 8, 26 + row) for row in range(rows)],  # noqa: DTZ001 - a sheet has no zone
            "UnitPrice": [2.55, 3.39, 2.75, 7.65][:rows],
            "CustomerID": [17850, 17850, 17851, 17851][:rows],
            "Country": ["United Kingdom"] * rows,
        }
    )
    sheet = io.BytesIO()
    table.write_excel(sheet)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("Online Retail.xlsx", sheet.getvalue())
    return packed.getvalue()


def test_the_shop_arrives_and_is_readable(site: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = site
    (folder / "shop.zip").write_bytes(workbook())
    seen: list[tuple[int, int]] = []
    shop = fetch_demo_shop(tmp_path / "home" / "shop", lambda *at: seen.append(at), url, expected_rows=4)
    assert set(pl.read_parquet(shop / "invoices.parquet").columns) == set(COLUMNS)
    assert seen
    assert seen[-1][0] == seen[-1][1] > 0
    events = pl.concat([batch.frame for batch in open_shop(shop).events()])
    assert events["user_id"].to_list() == ["17850", "17850", "17851", "17851"]
    assert events["at"][0] == int(datetime(2010, 12, 1, 8, 26, tzinfo=UTC).timestamp()) * 10**6


def test_a_changed_archive_is_refused(site: tuple[str, Path], tmp_path: Path) -> None:
    url, folder = site
    home = tmp_path / "home"
    (folder / "shop.zip").write_bytes(workbook())
    fetch_demo_shop(home / "shop", None, url, expected_rows=4)
    (home / "shop" / "invoices.parquet").unlink()
    (home / "shop.zip").write_bytes(workbook(3))
    with pytest.raises(DownloadFailed, match="changed since"):
        fetch_demo_shop(home / "shop", None, url, expected_rows=3)


@pytest.mark.parametrize("body", [b"", b"<html>no</html>"])
def test_something_else_is_refused_and_leaves_no_shop(
    site: tuple[str, Path], tmp_path: Path, body: bytes
) -> None:
    url, folder = site
    (folder / "shop.zip").write_bytes(body)
    with pytest.raises(DownloadFailed):
        fetch_demo_shop(tmp_path / "home" / "shop", None, url)
    assert not (tmp_path / "home" / "shop" / "invoices.parquet").exists()


def test_no_network_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(DownloadFailed, match="cannot download"):
        fetch_demo_shop(tmp_path / "shop", None, "http://127.0.0.1:9/shop.zip")
