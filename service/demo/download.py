"""A small real shop for the demo: a year of invoices of a gift shop (UCI Online Retail, CC BY 4.0)."""

import hashlib
import http.client
import logging
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl

from service.errors import ServiceError

logger = logging.getLogger(__name__)

URL = "https://archive.ics.uci.edu/static/public/352/online+retail.zip"
ATTRIBUTION = (
    "Online Retail by Daqing Chen, UCI Machine Learning Repository, doi:10.24432/C5BW33, "
    "licence CC BY 4.0 (creativecommons.org/licenses/by/4.0)"
)
COLUMNS = (
    "InvoiceNo",
    "StockCode",
    "Description",
    "Quantity",
    "InvoiceDate",
    "UnitPrice",
    "CustomerID",
    "Country",
)
ROWS_IN_SOURCE = 541_909
"""As the source's own page states; another number means another or a damaged file."""
NEWEST_ROWS = 150_000
"""The demo takes the newest invoices only, so that it stays a matter of minutes."""
CONNECT_SECONDS = 5.0
CHUNK_BYTES = 1 << 16


class DownloadFailed(ServiceError):
    """No network, or what came is not the data set."""


def fetch_demo_shop(
    folder: Path,
    progress: Callable[[int, int], None] | None = None,
    url: str = URL,
    expected_rows: int = ROWS_IN_SOURCE,
) -> Path:
    """Download, check and unpack the shop into `folder/invoices.parquet`; returns the folder.

    The archive's SHA-256 is kept beside it: a later download that differs is refused. An archive already
    there is used again. progress: called with (bytes so far, bytes in all; 0 where unknown).
    Raises `DownloadFailed`.
    """
    table = folder / "invoices.parquet"
    if table.exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder.parent / f"{folder.name}.zip"
    if not archive.exists():
        _download(url, archive, progress)
    _check_digest(archive)
    invoices = _read_workbook(archive, expected_rows)
    temporary = table.with_suffix(".tmp")
    invoices.sort("InvoiceDate", maintain_order=True).tail(NEWEST_ROWS).write_parquet(temporary)
    temporary.replace(table)
    return folder


def _download(url: str, target: Path, progress: Callable[[int, int], None] | None) -> None:
    temporary = target.with_suffix(".part")
    try:
        with urllib.request.urlopen(url, timeout=CONNECT_SECONDS) as answer, temporary.open("wb") as out:  # noqa: S310 - constant https address
            total = int(answer.headers.get("Content-Length") or 0)
            done = 0
            while chunk := answer.read(CHUNK_BYTES):
                done += out.write(chunk)
                if progress:
                    progress(done, total)
        if total and done != total:
            raise DownloadFailed(f"the download broke off after {done} of {total} bytes; try again")
    except (TimeoutError, urllib.error.URLError, http.client.HTTPException, ConnectionError) as error:
        raise DownloadFailed(f"cannot download the demo shop: {error}") from None
    temporary.replace(target)


def _check_digest(archive: Path) -> None:
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    pinned = archive.with_suffix(".sha256")
    if not pinned.exists():
        pinned.write_text(digest + "\n", "ascii")
        logger.info("demo shop: sha256 %s recorded", digest)
    elif pinned.read_text("ascii").strip() != digest:
        raise DownloadFailed(
            f"{archive} changed since its first download; remove it and {pinned} to accept the new one"
        )


def _read_workbook(archive: Path, expected_rows: int) -> pl.DataFrame:
    try:
        with zipfile.ZipFile(archive) as zipped:
            name = next(n for n in zipped.namelist() if n.endswith(".xlsx"))
            invoices = pl.read_excel(zipped.read(name), engine="calamine", infer_schema_length=None)
    except (zipfile.BadZipFile, StopIteration, pl.exceptions.PolarsError) as error:
        archive.unlink()
        raise DownloadFailed(
            f"what was downloaded is not the demo shop's workbook ({error}); try again"
        ) from None
    except ModuleNotFoundError as error:
        raise DownloadFailed(
            f"reading the workbook needs a package: pip install 'ilk[demo]' ({error})"
        ) from None
    missing = set(COLUMNS) - set(invoices.columns)
    if missing or invoices.height != expected_rows:
        raise DownloadFailed(
            f"the demo shop has {invoices.height} rows (expected {expected_rows}), lacks {sorted(missing)}"
        )
    return invoices.select(COLUMNS)
