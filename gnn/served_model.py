"""What a fitted model offers to serving: vectors to search, candidates to score exactly, arrays to store."""

from collections.abc import Mapping
from typing import Any, Literal, Protocol, Self

import numpy as np
import numpy.typing as npt

from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray

Source = Literal["graph", "text", "fallback"]
"""What an answer rests on: edges of the graph, the texts alone, or nothing about the query (popularity)."""

MAX_CANDIDATES = 300


class ServedModel(Protocol):
    """Immutable once fitted; safe for concurrent reads. Served path = evaluated path."""

    @property
    def n_items(self) -> int:
        """Size of the catalogue."""

    def item_vectors(self, rows: IntArray | None = None) -> FloatArray:
        """One concatenated search vector per item (text and trained embedding), of all items (n_items, d) or
        of some (m, d)."""

    def query_vectors(self, query: IntArray, objective: Objective) -> FloatArray:
        """Search vectors of query items, shape (q, d): nearest = largest inner product with
        `item_vectors`."""

    def text_query_vectors(self, text: FloatArray) -> FloatArray | None:
        """Search vectors of texts that are no items: embeddings (q, e) of the release's encoder -> (q, d).

        Inner products with `item_vectors` are scores by text alone. `None`: the model holds no texts."""

    def candidates(self, query: int, objective: Objective, near: IntArray) -> IntArray:
        """`near` (nearest items by `query_vectors`, best first; -1 ignored) joined with the item's sparse
        path lists and what trends, unique, without the query, at most `MAX_CANDIDATES`."""

    def score_candidates(self, query: int, candidates: IntArray, objective: Objective) -> FloatArray:
        """Exact scores, equal to the columns of `Recommender.score_similar`; shape (c,)."""

    def sources(self, query: int, candidates: IntArray, objective: Objective) -> list[Source]:
        """What each candidate's score mainly rests on."""

    def contributions(self, query: int, candidates: IntArray, objective: Objective) -> dict[str, FloatArray]:
        """What each feature adds to the candidates' scores, by the feature's name; they sum to
        `score_candidates`. Each of shape (c,)."""

    def intermediates(self, query: int, target: int, limit: int) -> IntArray:
        """Items that are engaged with together with both, strongest first, at most `limit`."""

    def rising(self) -> FloatArray:
        """How much each item's demand has risen against its own past; 0: as before, shape (n_items,)."""

    def user_query_vector(self, history: IntArray) -> FloatArray:
        """Search vector of a user by item history (oldest first), shape (d,)."""

    def user_candidates(self, history: IntArray, near: IntArray) -> IntArray:
        """As `candidates`, for a user by item history (oldest first); history itself left out."""

    def score_user_candidates(self, history: IntArray, candidates: IntArray) -> FloatArray:
        """Exact scores for a user by item history (oldest first); empty history: what trends. Shape (c,)."""

    def to_arrays(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """(arrays by name, JSON-able configuration): everything `from_arrays` needs, no pickle."""

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray[Any, Any]], config: Mapping[str, Any]) -> Self:
        """The same model again; arrays may be read-only memory maps."""
