"""The report of a release: what was measured when it was made, its manifest, the releases before it."""

import json
import logging
from pathlib import Path
from typing import Any

from gnn.holdout import FIFTH
from service.home import Home
from service.releases.errors import UnknownRelease
from service.releases.files import replace_text
from service.releases.manifest import ReleaseManifest, read_manifest
from service.releases.store import ReleaseStore
from service.releases.writer import json_values
from service.reporting.history import read_history

logger = logging.getLogger(__name__)

DETAILS_NAME = "report.json"
"""In the release's folder, but not in its manifest: it holds seconds, which differ between equal releases."""
DETAILS = ("shop", "neighbours", "drift", "graph", "abuse", "cleaning", "stages")
TREND = 60
"""Releases that the trend shows."""


def write_details(folder: Path, details: dict[str, Any]) -> None:
    """Keep what was measured while a release was made, at once."""
    text = json.dumps(json_values(details), ensure_ascii=False, indent=1) + "\n"
    replace_text(folder / DETAILS_NAME, text, folder / f".{DETAILS_NAME}.writing")


def has_details(folder: Path) -> bool:
    """Whether the release was audited."""
    return (folder / DETAILS_NAME).is_file()


def read_details(folder: Path) -> dict[str, Any]:
    """What was measured; empty where nothing was kept, as of releases made by incremental updates."""
    try:
        details = json.loads((folder / DETAILS_NAME).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        logger.warning("%s cannot be read: %s", folder / DETAILS_NAME, error)
        return {}
    return details if isinstance(details, dict) else {}


def build_report(home: Home, version: str | None = None) -> dict[str, Any]:
    """Everything about one release, JSON-able. version: None: the one that serves.

    Raises `UnknownRelease`, `TornRelease`, `ForeignRelease`.
    """
    releases = ReleaseStore(home.releases)
    current = releases.current_version()
    chosen = version or current
    if chosen is None or chosen not in releases.versions():
        known = ", ".join(releases.versions())
        if not known:
            raise UnknownRelease(f"no release in {home.releases}; run `ilk refresh` to make the first one")
        raise UnknownRelease(f"there is no release {chosen or 'that serves'!r}; there are: {known}")
    folder = home.releases / chosen
    manifest, details = read_manifest(folder), read_details(folder)
    history = read_history(home)
    own = [record for record in history if record.get("release") == chosen]
    return {
        "release": _release(manifest, serving=chosen == current),
        "gate": manifest.metrics.get("gate", {}),
        "quality_by_popularity": _by_popularity(manifest.metrics.get("by_popularity") or {}),
        **{name: details.get(name) for name in DETAILS},
        "stages": own[-1]["stages"] if own else details.get("stages"),
        "index": _bytes(manifest) | (manifest.metrics.get("index") or {}),
        "trend": [_point(record) for record in history if record.get("release")][-TREND:],
    }


def _release(manifest: ReleaseManifest, *, serving: bool) -> dict[str, Any]:
    return {
        "version": manifest.version,
        "created_at": manifest.created_at,
        "parent": manifest.parent,
        "serving": serving,
        "events_through": manifest.events_through,
        "items": manifest.items,
        "seed": manifest.seed,
        "encoder": manifest.encoder_fingerprint,
        "epochs": manifest.metrics.get("epochs"),
    }


def _by_popularity(figures: dict[str, float]) -> list[dict[str, float]]:
    return [
        {"fifth": n, "ndcg@10": figures[f"{FIFTH}{n}_ndcg@10"], "pairs": figures[f"{FIFTH}{n}_pairs"]}
        for n in range(1, 6)
        if f"{FIFTH}{n}_pairs" in figures
    ]


def _bytes(manifest: ReleaseManifest) -> dict[str, Any]:
    """Size of the search index, of the arrays and of everything."""
    sizes = {name: entry.bytes for name, entry in manifest.files.items()}
    return {
        "index_bytes": sum(size for name, size in sizes.items() if name.startswith("index")),
        "array_bytes": sum(size for name, size in sizes.items() if name.startswith("arrays/")),
        "release_bytes": sum(sizes.values()),
    }


def _point(record: dict[str, Any]) -> dict[str, Any]:
    gate = record.get("gate") or {}
    return {
        "release": record["release"],
        "at": record.get("at"),
        "published": record.get("published"),
        "ndcg@10": gate.get("ndcg@10"),
        "popularity_ndcg@10": gate.get("popularity_ndcg@10"),
        "lift": gate.get("own_lift", gate.get("lift")),
        "overlap": record.get("overlap"),
        "drift": record.get("drift"),
        "seconds": round(sum(stage["seconds"] for stage in record.get("stages", [])), 1),
        "peak_memory_bytes": record.get("peak_memory_bytes"),
        "edges": record.get("edges"),
    }
