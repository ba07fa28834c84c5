"""Texts that arrive while serving -> vectors: one encoder per process, loaded when first needed."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from gnn.shop_arrays import FloatArray
from service.errors import ServiceError
from service.home import Home
from service.item_reviews import first_words
from service.releases.errors import ReleaseError
from service.releases.manifest import read_manifest
from service.releases.store import ReleaseStore
from service.settings import LEAST_WORDS, MOST_WORDS, Settings

if TYPE_CHECKING:
    from encoders import Adapter, TextEncoder  # slow to import; loaded with the first text

logger = logging.getLogger(__name__)

REMEMBERED_QUERIES = 1024
"""Vectors of newest queries that are kept in memory: 1.5 MB at 384 dimensions."""
RETRY_SECONDS = 60.0
"""After a failure to load the model, requests are refused at once for so long."""


class TextModelUnavailable(ServiceError):
    """Texts cannot be compared at present; the message says why."""


@dataclass(frozen=True)
class ServingEncoders:
    """One model, twice."""

    items: "TextEncoder"
    """With the home's cache: items' texts are encoded once for all processes."""
    queries: "TextEncoder"
    """Without: what people search for is not written down."""


class TextVectors(Protocol):
    """What answering needs of a text model; safe from many threads."""

    def of_query(self, text: str, fingerprint: str) -> FloatArray:
        """Vector of a text that is not kept, shape (e,). fingerprint: of the encoder whose space is meant.
        Raises `TextModelUnavailable`."""

    def of_item(self, text: str, fingerprint: str) -> FloatArray:
        """Vector of an item's text, shape (e,), as `of_query`."""


class LazyTextVectors:
    """`TextVectors` over encoders that are opened at the first text, and anew for a release whose text model
    was fine-tuned otherwise."""

    def __init__(self, open_encoders: Callable[[str], ServingEncoders]) -> None:
        """open_encoders: those of the fingerprint; may take seconds, and what it raises is the reason why
        texts cannot be compared."""
        self._open = open_encoders
        self._encoders: ServingEncoders | None = None
        self._failed: dict[str, tuple[float, str]] = {}
        self._lock = threading.Lock()
        self._queries: OrderedDict[bytes, FloatArray] = OrderedDict()

    def of_query(self, text: str, fingerprint: str) -> FloatArray:
        """See `TextVectors.of_query`."""
        key = blake2b(f"{fingerprint}\n{text}".encode(), digest_size=16).digest()
        with self._lock:
            vector = self._queries.pop(key, None)
            if vector is None:
                vector = self._ready(fingerprint).queries.encode([text])[0]
            self._queries[key] = vector
            if len(self._queries) > REMEMBERED_QUERIES:
                self._queries.popitem(last=False)
        return vector

    def of_item(self, text: str, fingerprint: str) -> FloatArray:
        """See `TextVectors.of_item`."""
        with self._lock:
            vector: FloatArray = self._ready(fingerprint).items.encode([text])[0]
        return vector

    def _ready(self, fingerprint: str) -> ServingEncoders:
        """The encoders, opened. Raises `TextModelUnavailable`, also for another fingerprint than theirs."""
        if self._encoders is None or fingerprint != self._encoders.items.fingerprint:
            self._encoders = self._opened(fingerprint)
        return self._encoders

    def _opened(self, fingerprint: str) -> ServingEncoders:
        when, why = self._failed.get(fingerprint, (-RETRY_SECONDS, ""))
        if time.monotonic() - when < RETRY_SECONDS and why:
            raise TextModelUnavailable(why)
        try:
            encoders = self._open(fingerprint)
        except Exception as error:  # whatever it is, answers that need no text model go on
            logger.exception("the text model cannot be opened")
            raise self._refused(
                fingerprint, f"the text model cannot be opened ({type(error).__name__})"
            ) from error
        if fingerprint != encoders.items.fingerprint:
            raise self._refused(
                fingerprint,
                "the served release was made with another text model than is set; run `ilk refresh`",
            )
        self._failed.clear()
        return encoders

    def _refused(self, fingerprint: str, why: str) -> TextModelUnavailable:
        self._failed[fingerprint] = (time.monotonic(), why)
        return TextModelUnavailable(why)


def open_encoders(settings: Settings, home: Home, fingerprint: str) -> ServingEncoders:
    """The text model, for texts that arrive, fine-tuned as for the release with that fingerprint. Raises what
    `open_texts` raises."""
    # here: slow to import, and many a process meets no new text
    from encoders import ViewEncoder
    from service.texts import open_texts

    texts = open_texts(settings, home, _adapter(home, fingerprint))
    return ServingEncoders(items=texts.items, queries=ViewEncoder(texts.cutter or texts.encoder))


def forget_reviews(cache: Path, texts: list[str]) -> int:
    """Take vectors of reviews out of the text cache; returns how many went.

    Whatever number of words counted when they were encoded: `encoder.reviews.words` may have changed since.
    """
    if not cache.exists():
        return 0
    from encoders import EmbeddingCache  # here: the text libraries are slow to import and seldom needed

    with EmbeddingCache(cache) as known:
        return known.forget(_cuts(texts))


def _cuts(texts: list[str]) -> Iterator[str]:
    """Every text as it may have been encoded, one at a time: all of them together are hundreds of times as
    long as the reviews."""
    for whole in first_words(texts, MOST_WORDS):
        words = whole.split(" ")
        for count in range(min(LEAST_WORDS, len(words)), len(words) + 1):
            yield " ".join(words[:count])


def _adapter(home: Home, fingerprint: str) -> "Adapter | None":
    from service.releases.adapter import adapter_of  # here: it imports the text libraries

    releases = ReleaseStore(home.releases)
    current = releases.current_version()
    for version in [current, *releases.versions()] if current else releases.versions():
        try:
            manifest = read_manifest(home.releases / version)
        except ReleaseError as error:
            logger.warning("%s", error)
            continue
        if fingerprint == manifest.encoder_fingerprint:
            return adapter_of(home.releases, manifest)
    return None
