"""Texts of items that are new or changed -> vectors, in the background."""

import logging
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np

from gnn.shop_arrays import FloatArray
from service.text_vectors import TextModelUnavailable, TextVectors

logger = logging.getLogger(__name__)


class NewTexts:
    """Encodes in a thread of its own, for loading a text model takes seconds; else for one thread."""

    def __init__(self, texts: TextVectors, fingerprint: str, known: "NewTexts | None" = None) -> None:
        """fingerprint: of the encoder in whose space the vectors are to lie. known: encoded before, in the
        same space."""
        self.fingerprint = fingerprint
        self.missing = 0
        """Items whose text could not be encoded."""
        self._texts = texts
        self._encoder = ThreadPoolExecutor(1, thread_name_prefix="new-texts")
        self._waiting: list[tuple[dict[int, str], Future[FloatArray | None]]] = []
        same = known is not None and known.fingerprint == fingerprint
        self.vectors: dict[int, tuple[str, FloatArray]] = (
            dict(known.vectors) if known is not None and same else {}
        )
        """(text, vector) by item index."""

    def has(self, index: int, text: str) -> bool:
        """Whether the vector of an item's text is there."""
        return index in self.vectors and self.vectors[index][0] == text

    def expect(self, texts: dict[int, str]) -> None:
        """Encode texts, by item index."""
        if texts:
            self._waiting.append((texts, self._encoder.submit(self._encode, list(texts.values()))))

    def take(self) -> dict[int, str]:
        """Texts whose vectors have become known since the last call, by item index."""
        ready = [entry for entry in self._waiting if entry[1].done()]
        taken: dict[int, str] = {}
        for entry in ready:
            self._waiting.remove(entry)
            texts, vectors = entry[0], entry[1].result()
            if vectors is None:
                self.missing += len(texts)
                continue
            for place, (index, text) in enumerate(texts.items()):
                self.vectors[index] = (text, vectors[place])
            taken |= texts
        return taken

    def matrix(self, indices: list[int]) -> FloatArray:
        """Vectors of some items whose texts are encoded, shape (m, e)."""
        return np.stack([self.vectors[index][1] for index in indices])

    def close(self) -> None:
        """Drop what is still waiting."""
        self._encoder.shutdown(wait=False, cancel_futures=True)

    def _encode(self, texts: list[str]) -> FloatArray | None:
        try:
            return np.stack([self._texts.of_item(text, self.fingerprint) for text in texts])
        except TextModelUnavailable as error:
            logger.warning("texts of new items do not count yet: %s", error)
        except Exception:  # a text that no model takes must not keep events from counting
            logger.exception("texts of new items do not count")
        return None
