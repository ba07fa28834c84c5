"""Answers: what is like an item or a text, what suits a user. Free of HTTP."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray
from service.answer import (
    MAX_K,
    Answer,
    AnswerItem,
    Fallback,
    UnknownItem,
    UnknownUser,
    answer_of,
    check_k,
)
from service.candidates import Pool, Ranked, Ranker, for_history, like_item, like_text, trending
from service.errors import CallerMistake
from service.item_filter import NO_FILTER, ItemFilter
from service.release import Release
from service.release_holder import Serving
from service.shop_lookup import CARD_FIELDS, AskedItems, LiveItem, ShopLookup
from service.text_vectors import TextModelUnavailable, TextVectors

__all__ = [
    "HISTORY_LIMIT",
    "MAX_K",
    "Answer",
    "AnswerItem",
    "Fallback",
    "SimilarItemsService",
    "UnknownItem",
    "UnknownUser",
    "check_k",
]

logger = logging.getLogger(__name__)

Card = dict[str, Any]
HISTORY_LIMIT = 5000
"""Newest items of a user that are looked at and masked."""
_NO_ROWS = np.empty(0, np.int64)


class SimilarItemsService:
    """Candidates from the index and the model's lists, scored exactly.

    With a shop, every returned item is looked up in it while the answer is made: what was deleted, by any
    process, is not returned from then on, what is shown is what the shop says now, and filters hold for that.
    """

    def __init__(
        self,
        serving: Callable[[], Serving],
        shop: ShopLookup | None = None,
        texts: TextVectors | None = None,
    ) -> None:
        """serving: what to answer from, taken once per request. shop: None: only what the release knows.
        texts: None: no answer rests on a text that the release does not hold."""
        self._serving = serving
        self._shop = shop
        self._texts = texts

    def similar(
        self,
        item_id: str,
        k: int = 10,
        objective: Objective = Objective.RELATED,
        wanted: ItemFilter = NO_FILTER,
        user_id: str | None = None,
    ) -> Answer:
        """The `k` items most like an item, or as many as there are.

        An item that the release lacks is answered by its text (`source` "text"), or, without one, by what
        trends (`fallback`). wanted: conditions on the results. user_id: what this user has turned to already
        is left out. Raises `UnknownItem`, `CallerMistake` (k), `NoRelease`.
        """
        check_k(k)
        serving = self._serving()
        release = serving.release
        asked = AskedItems(self._shop, item_id)
        row = release.items.index_of(item_id)
        seen = self._seen(release, user_id)
        pool = Pool.of(release, wanted, seen if row is None else np.append(seen, row))
        if row is not None and release.items.alive[row]:
            found = self._best(pool, like_item(release, row, objective), k, wanted, asked)
            if self._shop is not None and asked.about is None:
                raise UnknownItem(f"item {item_id!r} was deleted")
            return answer_of(serving, found)
        live = asked.about
        if live is None:
            raise UnknownItem(f"no item {item_id!r}, or it was deleted")
        ranker = self._by_text(release, live)
        fallback = None if ranker else Fallback.ITEM_NOT_IN_RELEASE
        ranker = ranker or trending(release, live.category)
        return answer_of(serving, self._best(pool, ranker, k, wanted, asked), fallback)

    def similar_to_text(
        self, text: str, k: int = 10, wanted: ItemFilter = NO_FILTER, user_id: str | None = None
    ) -> Answer:
        """The `k` items whose texts are most like a text: a search, or a product that is no item yet.

        Raises `TextModelUnavailable`, `CallerMistake` (k, a text without words), `NoRelease`.
        """
        check_k(k)
        if not text.strip():
            raise CallerMistake("the text has no words")
        serving = self._serving()
        release = serving.release
        if self._texts is None:
            raise TextModelUnavailable("no text model is set up here")
        vector = _search_vector(release, self._texts.of_query(text, release.manifest.encoder_fingerprint))
        if vector is None:
            raise TextModelUnavailable(
                "the served release cannot be searched by text: it was made without texts"
            )
        pool = Pool.of(release, wanted, self._seen(release, user_id))
        return answer_of(serving, self._best(pool, like_text(vector), k, wanted))

    def recommend(self, user_id: str, k: int = 10, wanted: ItemFilter = NO_FILTER) -> Answer:
        """`k` items for a user, those of their history left out.

        Raises `UnknownUser`, `CallerMistake` (k), `NoRelease`.
        """
        check_k(k)
        serving = self._serving()
        history = self._shop.history_of(user_id, HISTORY_LIMIT) if self._shop else None
        if history is None:
            raise UnknownUser(f"no user {user_id!r}")
        return self._for_history(serving, history, _NO_ROWS, k, wanted)

    def recommend_for(
        self,
        history: Sequence[str],
        k: int = 10,
        wanted: ItemFilter = NO_FILTER,
        user_id: str | None = None,
    ) -> Answer:
        """`k` items for whoever turned to these items, newest first; the items themselves are left out.

        Items that the release does not know count for nothing. user_id: what this user has turned to already
        is left out too. Raises `CallerMistake` (k), `NoRelease`.
        """
        check_k(k)
        serving = self._serving()
        return self._for_history(serving, history, self._seen(serving.release, user_id), k, wanted)

    def _for_history(
        self, serving: Serving, history: Sequence[str], seen: IntArray, k: int, wanted: ItemFilter
    ) -> Answer:
        rows = serving.release.items.indices_of(list(reversed(history)))
        pool = Pool.of(serving.release, wanted, np.concatenate([rows, seen]))
        fallback = None if len(rows) else Fallback.NO_HISTORY
        return answer_of(serving, self._best(pool, for_history(serving.release, rows), k, wanted), fallback)

    def _seen(self, release: Release, user_id: str | None) -> IntArray:
        """Rows of what a user has turned to; a user who is not known yet has seen nothing."""
        if user_id is None or self._shop is None:
            return _NO_ROWS
        return release.items.indices_of(self._shop.history_of(user_id, HISTORY_LIMIT) or [])

    def _by_text(self, release: Release, live: LiveItem) -> Ranker | None:
        """None where the item has no text, or no text model answers: the caller labels the fallback."""
        if self._texts is None or not live.text:
            return None
        try:
            raw = self._texts.of_item(live.text, release.manifest.encoder_fingerprint)
        except TextModelUnavailable as error:
            logger.warning("a new item is answered by what trends: %s", error)
            return None
        vector = _search_vector(release, raw)
        return None if vector is None else like_text(vector)

    def _best(
        self, pool: Pool, rank: Ranker, k: int, wanted: ItemFilter, asked: AskedItems | None = None
    ) -> list[AnswerItem]:
        """The k best that live. Where so many are gone that the ranked rows do not suffice, ranks again
        without them: every round takes rows out of the pool, so it ends."""
        asked = asked or AskedItems(self._shop)
        while True:
            ranked = rank(pool, k)
            found, gone = self._living(pool.release, ranked, k, wanted, asked)
            if len(found) >= k or not len(gone):
                return found
            pool = pool.without(gone)

    def _living(
        self, release: Release, ranked: Ranked, k: int, wanted: ItemFilter, asked: AskedItems
    ) -> tuple[list[AnswerItem], IntArray]:
        """The first k rows that live and pass, and the rows met on the way that do not."""
        places: list[int] = []
        cards: list[Card] = []
        gone: list[int] = []
        start, step = 0, k
        while len(places) < k and start < len(ranked.rows):
            rows = ranked.rows[start : start + step]
            for place, card in enumerate(self._cards(release, rows, asked), start):
                if card is not None and wanted.passes(card):
                    places.append(place)
                    cards.append(card)
                else:
                    gone.append(int(ranked.rows[place]))
            start, step = start + step, 2 * step
        chosen = np.array(places[:k], np.int64)
        scores, sources = ranked.scores[chosen].tolist(), ranked.sources(ranked.rows[chosen])
        items = [
            AnswerItem(card["item_id"], score, source, {name: card[name] for name in CARD_FIELDS})
            for card, score, source in zip(cards, scores, sources, strict=False)
        ]
        return items, np.array(gone, np.int64)

    def _cards(self, release: Release, rows: IntArray, asked: AskedItems) -> list[Card | None]:
        """What is shown of each row, as the shop has it now; None: it is gone."""
        if self._shop is None:
            return list(release.items.cards(rows))
        ids = release.items.ids_of(rows)
        live = asked.items(ids)
        return [{"item_id": one, **live[one].card} if one in live else None for one in ids]


def _search_vector(release: Release, raw: FloatArray) -> FloatArray | None:
    """Embedding of a text (e,) -> search vector (d,); None where the release has no text space."""
    vectors = release.model.text_query_vectors(raw[None, :])
    return None if vectors is None else vectors[0]
