"""Answers: what is like an item or a text, what suits a user. Free of HTTP."""

import logging
from collections.abc import Callable, Sequence

import numpy as np

from gnn.objective import Objective
from gnn.shop_arrays import FloatArray, IntArray
from graph.errors import StoreUnavailable
from service.answering.answer import (
    MAX_K,
    Answer,
    AnswerItem,
    Fallback,
    UnknownItem,
    UnknownUser,
    answer_of,
    check_k,
)
from service.answering.candidates import Pool, Ranker, for_history, like_item, like_text, rising, trending
from service.answering.editors_rules import NO_RULES, AppliedRules, Rules
from service.answering.item_filter import NO_FILTER, ItemFilter
from service.answering.picking import Picker, Wish
from service.answering.shaping import PLAIN, Shaping
from service.answering.shop_lookup import AskedItems, LiveItem, ShopLookup
from service.errors import CallerMistake
from service.releases.holder import Serving
from service.releases.release import Release
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
        rules: Rules | None = None,
    ) -> None:
        """serving: what to answer from, taken once per request. shop: None: only what the release knows.
        texts: None: no answer rests on a text that the release does not hold. rules: None: there are none."""
        self._serving = serving
        self._shop = shop
        self._texts = texts
        self._rules = rules
        self._picker = Picker(shop)

    def similar(
        self,
        item_id: str,
        k: int = 10,
        objective: Objective = Objective.RELATED,
        wanted: ItemFilter = NO_FILTER,
        user_id: str | None = None,
        shaping: Shaping = PLAIN,
    ) -> Answer:
        """The `k` items most like an item, or as many as there are.

        An item that the release lacks is answered by its text (`source` "text"), or, without one, by what
        trends (`fallback`). wanted: conditions on the results. user_id: what this user has turned to already
        is left out. Raises `UnknownItem`, `CallerMistake` (k), `NoRelease`, `StoreUnavailable` (where no
        release knows the item, or with a user).
        """
        check_k(k)
        serving = self._serving()
        release = serving.release
        asked = AskedItems(self._shop, item_id)
        row = release.items.index_of(item_id)
        seen = self._seen(release, user_id)
        pool = Pool.of(release, wanted, seen if row is None else np.append(seen, row))
        if row is not None and release.items.alive[row]:
            rules = self._rules_for(release, [item_id], wanted)
            wish = Wish(k, wanted, shaping, rules)
            found = self._picker.pick(pool, like_item(release, row, objective), wish, asked)
            if self._shop is not None and asked.about is None:
                raise UnknownItem(f"item {item_id!r} was deleted")
            return answer_of(serving, found, store_fallback=asked.store_fallback)
        live = asked.about
        if live is None and asked.store_fallback is not None:
            raise StoreUnavailable(f"item {item_id!r} is in no release, and {asked.store_fallback}")
        if live is None:
            raise UnknownItem(f"no item {item_id!r}, or it was deleted")
        ranker = self._by_text(release, live)
        fallback = None if ranker else Fallback.ITEM_NOT_IN_RELEASE
        ranker = ranker or trending(release, live.category)
        rules = self._rules_for(release, [item_id], wanted, live.card["categories"])
        wish = Wish(k, wanted, shaping, rules)
        found = self._picker.pick(pool, ranker, wish, asked)
        return answer_of(serving, found, fallback, asked.store_fallback)

    def similar_to_text(
        self,
        text: str,
        k: int = 10,
        wanted: ItemFilter = NO_FILTER,
        user_id: str | None = None,
        shaping: Shaping = PLAIN,
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
        wish = Wish(k, wanted, shaping, self._rules_for(release, [], wanted))
        return self._picked(serving, pool, like_text(vector), wish)

    def recommend(
        self, user_id: str, k: int = 10, wanted: ItemFilter = NO_FILTER, shaping: Shaping = PLAIN
    ) -> Answer:
        """`k` items for a user, those of their history left out.

        Raises `UnknownUser`, `CallerMistake` (k), `NoRelease`.
        """
        check_k(k)
        serving = self._serving()
        history = self._shop.history_of(user_id, HISTORY_LIMIT) if self._shop else None
        if history is None:
            raise UnknownUser(f"no user {user_id!r}")
        wish = Wish(k, wanted, shaping, self._rules_for(serving.release, [], wanted))
        return self._for_history(serving, history, _NO_ROWS, wish)

    def recommend_for(
        self,
        history: Sequence[str],
        k: int = 10,
        wanted: ItemFilter = NO_FILTER,
        user_id: str | None = None,
        shaping: Shaping = PLAIN,
    ) -> Answer:
        """`k` items for whoever turned to these items, newest first; the items themselves are left out.

        Items that the release does not know count for nothing. user_id: what this user has turned to already
        is left out too. Raises `CallerMistake` (k), `NoRelease`.
        """
        check_k(k)
        serving = self._serving()
        wish = Wish(k, wanted, shaping, self._rules_for(serving.release, history, wanted))
        return self._for_history(serving, history, self._seen(serving.release, user_id), wish)

    def rising(self, k: int = 10, wanted: ItemFilter = NO_FILTER, shaping: Shaping = PLAIN) -> Answer:
        """The `k` items whose demand has risen most against their own past.

        Raises `CallerMistake` (k), `NoRelease`.
        """
        check_k(k)
        serving = self._serving()
        pool = Pool.of(serving.release, wanted, _NO_ROWS)
        wish = Wish(k, wanted, shaping, self._rules_for(serving.release, [], wanted))
        return self._picked(serving, pool, rising(serving.release), wish)

    def _rules_for(
        self, release: Release, item_ids: Sequence[str], wanted: ItemFilter, categories: Sequence[str] = ()
    ) -> AppliedRules:
        """Editors' rules for an answer about items; categories: more than the release knows of them."""
        if self._rules is None:
            return NO_RULES
        about = list(categories) if wanted.category is None else [*categories, wanted.category]
        rows = release.items.indices_of(list(item_ids))
        about += [path for card in release.items.cards(rows) for path in card["categories"] or ()]
        return self._rules.for_answer(item_ids, about)

    def _for_history(self, serving: Serving, history: Sequence[str], seen: IntArray, wish: Wish) -> Answer:
        rows = serving.release.items.indices_of(list(reversed(history)))
        pool = Pool.of(serving.release, wish.wanted, np.concatenate([rows, seen]))
        fallback = None if len(rows) else Fallback.NO_HISTORY
        return self._picked(serving, pool, for_history(serving.release, rows), wish, fallback)

    def _picked(
        self, serving: Serving, pool: Pool, rank: Ranker, wish: Wish, fallback: Fallback | None = None
    ) -> Answer:
        """An answer that is about no single item."""
        asked = AskedItems(self._shop)
        return answer_of(serving, self._picker.pick(pool, rank, wish, asked), fallback, asked.store_fallback)

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


def _search_vector(release: Release, raw: FloatArray) -> FloatArray | None:
    """Embedding of a text (e,) -> search vector (d,); None where the release has no text space."""
    vectors = release.model.text_query_vectors(raw[None, :])
    return None if vectors is None else vectors[0]
