"""Whether a model's vocabulary fits a shop's language."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

import numpy as np
import numpy.typing as npt

MULTILINGUAL_MODEL = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
"""Same size of vector as the default model, 50 languages."""

SAMPLE_TEXTS = 5000
UNKNOWN_LIMIT = 0.02
"""Share of unknown pieces from which the model is blind to the text. Measured with the default model: English
shops at most 0.0002, Hindi .07, Japanese .24, Chinese .76."""
SHATTERED_LIMIT = 0.30
"""Share of shattered words from which spelling crumbles. Measured with the default model: electronics .10,
magazines .00-.04, films .06, gifts .05; a Vietnamese shop's titles .45, descriptions and reviews .51; short
German .58, French .39, Spanish .43, Indonesian .44, Polish .72, Turkish .92, Russian .86."""
_PIECE_LETTERS = 3.0
_PIECE_LETTERS_UNSPACED = 1.2

_WORD = re.compile(r"[^\s\d!-/:-@\[-`{-~]+")
_UNSPACED = re.compile(
    "[\N{THAI CHARACTER KO KAI}-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]"
)


class Verdict(StrEnum):
    """Closed set of judgements."""

    FITS = "fits"
    POOR = "poor"


class WordCutter(Protocol):
    """What is asked of an encoder here; `BertEncoder` has it."""

    def word_pieces(self, words: Sequence[str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """(pieces, unknown pieces) of each word."""


@dataclass(frozen=True)
class Coverage:
    """How a model's vocabulary meets a shop's words (letters only, counted as often as they occur)."""

    words: int
    pieces_per_word: float
    unknown_share: float
    """Share of pieces that the model does not know, 0 to 1."""
    shattered_share: float
    """Share of words cut into pieces of fewer than three letters on average (1.2 letters in scripts without
    blanks), 0 to 1."""
    verdict: Verdict
    suggestion: str | None
    """Model that would serve better; `None` where this one fits."""

    def __str__(self) -> str:
        facts = (
            f"{self.words} words, {self.pieces_per_word:.2f} pieces per word, "
            f"{self.shattered_share:.0%} shattered, {self.unknown_share:.1%} unknown"
        )
        if self.suggestion is None:
            return f"the text model's vocabulary {self.verdict} ({facts})"
        return f"the text model knows this shop's language badly ({facts}); try {self.suggestion}"


def measure_coverage(cutter: WordCutter, texts: Sequence[str]) -> Coverage:
    """Coverage of at most `SAMPLE_TEXTS` of the texts, taken evenly over all of them."""
    step = max(1, -(-len(texts) // SAMPLE_TEXTS))
    counts = Counter(word for text in texts[::step] for word in _words(text))
    words = list(counts)
    often = np.array([counts[word] for word in words], dtype=np.int64)
    pieces, unknown = cutter.word_pieces(words)
    total, total_pieces = int(often.sum()), int(often @ pieces)
    unknown_share = int(often @ unknown) / max(1, total_pieces)
    shattered_share = int(often @ _shattered(words, pieces)) / max(1, total)
    poor = unknown_share >= UNKNOWN_LIMIT or shattered_share >= SHATTERED_LIMIT
    return Coverage(
        words=total,
        pieces_per_word=total_pieces / max(1, total),
        unknown_share=unknown_share,
        shattered_share=shattered_share,
        verdict=Verdict.POOR if poor else Verdict.FITS,
        suggestion=MULTILINGUAL_MODEL if poor else None,
    )


def _words(text: str) -> list[str]:
    return [word for word in _WORD.findall(text) if any(letter.isalpha() for letter in word)]


def _shattered(words: Sequence[str], pieces: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    letters = np.array([len(word) for word in words], dtype=np.float64)
    spaced = np.array([_UNSPACED.search(word) is None for word in words], dtype=np.bool_)
    limit = np.where(spaced, _PIECE_LETTERS, _PIECE_LETTERS_UNSPACED)
    return ((pieces > 1) & (letters < limit * pieces)).astype(np.int64)
