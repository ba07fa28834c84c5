"""Texts that arrive while serving -> vectors: one encoder per process, loaded when first needed."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol

from gnn.shop_arrays import FloatArray
from graph.item import Item
from service.errors import ServiceError
from service.home import Home
from service.settings import Settings

if TYPE_CHECKING:
    from encoders import TextEncoder  # slow to import; loaded with the first text

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
    """`TextVectors` over encoders that are opened at the first text, once per process."""

    def __init__(self, open_encoders: Callable[[], ServingEncoders]) -> None:
        """open_encoders: may take seconds; what it raises is the reason why texts cannot be compared."""
        self._open = open_encoders
        self._encoders: ServingEncoders | None = None
        self._failed: tuple[float, str] | None = None
        self._lock = threading.Lock()
        self._queries: OrderedDict[bytes, FloatArray] = OrderedDict()
        self._background = ThreadPoolExecutor(1, thread_name_prefix="text-arrivals")

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

    def expect_items(self, items: Sequence[Item]) -> None:
        """Encode items' texts soon, in the background, so that `of_item` finds them; never raises."""
        with suppress(RuntimeError):  # closed: the process ends
            self._background.submit(self._encode, items)

    def close(self) -> None:
        """Forget what is still waiting; idempotent."""
        self._background.shutdown(wait=True, cancel_futures=True)

    def _encode(self, items: Sequence[Item]) -> None:
        try:
            texts = _texts_of(items)
            for start in range(0, len(texts), 16):  # readers come in between
                with self._lock:
                    self._ready(None).items.encode(texts[start : start + 16])
        except TextModelUnavailable as error:
            logger.warning("texts of new items are not encoded yet: %s", error)
        except Exception:  # they are encoded when they are asked for
            logger.exception("texts of new items are not encoded yet")

    def _ready(self, fingerprint: str | None) -> ServingEncoders:
        """The encoders, opened. Raises `TextModelUnavailable`, also for another fingerprint than theirs."""
        if self._encoders is None:
            self._encoders = self._opened()
        if fingerprint not in (None, self._encoders.items.fingerprint):
            raise TextModelUnavailable(
                "the served release was made with another text model than is set; run `ilk refresh`"
            )
        return self._encoders

    def _opened(self) -> ServingEncoders:
        if self._failed is not None and time.monotonic() - self._failed[0] < RETRY_SECONDS:
            raise TextModelUnavailable(self._failed[1])
        try:
            encoders = self._open()
        except Exception as error:  # whatever it is, answers that need no text model go on
            logger.exception("the text model cannot be opened")
            self._failed = (time.monotonic(), f"the text model cannot be opened ({type(error).__name__})")
            raise TextModelUnavailable(self._failed[1]) from error
        self._failed = None
        return encoders


def open_encoders(settings: Settings, home: Home) -> ServingEncoders:
    """The text model, for texts that arrive. Raises what `open_texts` raises."""
    # here: slow to import, and many a process meets no new text
    from encoders import ViewEncoder
    from service.texts import open_texts

    texts = open_texts(settings, home)
    return ServingEncoders(items=texts.items, queries=ViewEncoder(texts.cutter or texts.encoder))


def _texts_of(items: Sequence[Item]) -> list[str]:
    from encoders import item_views_of  # here: the text libraries are slow to import and seldom needed

    return [text for text in item_views_of(Item.to_frame(items)) if text]
