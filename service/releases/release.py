"""One release, opened: model, index and id map that belong together."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gnn.served_model import ServedModel
from index.live_view import LiveView
from index.vector_index import VectorIndex
from service.releases.items import ReleaseItems
from service.releases.manifest import ReleaseManifest

ARRAYS_FOLDER = "arrays"
ITEMS_NAME = "items.parquet"
INDEX_NAME = "index.faiss"
REVIEWS_NAME = "reviews.npy"
"""Which reviews were part of each item's text (`service.item_reviews.review_digests`); absent where none
were."""
ADAPTER_NAME = "adapter.safetensors"
"""What fine-tuning made of the text model; absent where texts are encoded with the model as it came."""


@dataclass(frozen=True)
class Release:
    """Everything that answers; immutable. Stays usable after its folder was removed."""

    path: Path
    manifest: ReleaseManifest
    model: ServedModel
    index: VectorIndex | LiveView
    """As it was made, or a moment of it with fresh rows."""
    items: ReleaseItems
    reviews: npt.NDArray[np.uint64] | None = None
    """Digest of the reviews in each item's text, 0: none; `None`: reviews are no part of the texts. Shape
    (n,)."""

    @property
    def version(self) -> str:
        """Name of the release's folder."""
        return self.manifest.version


@dataclass(frozen=True)
class ReleaseSummary:
    """What a list of releases shows of one."""

    version: str
    current: bool
    published: bool
    """False: made, but the gate (or a person) has not let it serve yet."""
    problem: str | None = None
    """Why it cannot be opened, as far as its manifest tells; None where it can."""
    created_at: str | None = None
    parent: str | None = None
    items: int | None = None
    events_through: int | None = None
    bytes: int | None = None
    encoder_fingerprint: str | None = None
    metrics: dict[str, Any] | None = None
