"""What decides a release, as one hash: two refreshes with the same one make the same bytes."""

import json
import logging
from hashlib import blake2b

from service.item_reviews import recorded
from service.model_config import model_config
from service.releases.errors import ReleaseError
from service.releases.manifest import ReleaseManifest, read_manifest
from service.releases.store import ReleaseStore
from service.settings import Settings
from service.shop_snapshot import ShopSnapshot

logger = logging.getLogger(__name__)

RECIPE_VERSION = 4
"""Raised whenever the same inputs would give another release."""


def inputs_digest(snapshot: ShopSnapshot, fingerprint: str, settings: Settings) -> str:
    """Hash of everything that decides the release: 32 hexadecimal digits.

    snapshot: with the edges to learn from. fingerprint: the text encoder's as it came (what fine-tuning makes
    of it follows from the rest). Raises `BadSettings`.
    """
    decides = {
        "recipe": RECIPE_VERSION,
        "shop": snapshot.digest,
        "encoder": fingerprint,
        "model": model_config(settings.model).to_json(),
        "seed": settings.model.seed,
        "index": settings.index.kind,
        "gate": settings.gate.model_dump(),
    }
    if settings.encoder.fine_tune.enabled:
        decides["fine_tune"] = settings.encoder.fine_tune.model_dump()
    if snapshot.review_rules is not None:  # the release says them to those who follow it
        decides["reviews"] = recorded(snapshot.review_rules)
    return blake2b(json.dumps(decides, sort_keys=True, default=str).encode(), digest_size=16).hexdigest()


def made_before(releases: ReleaseStore, inputs: str) -> ReleaseManifest | None:
    """The newest whole release that was made from the same inputs."""
    for summary in releases.list():
        try:
            manifest = read_manifest(releases.root / summary.version)
            if manifest.config.get("inputs") == inputs:
                return releases.open(summary.version).manifest
        except ReleaseError as error:
            logger.warning("%s", error)
    return None
