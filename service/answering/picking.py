"""From ranked candidates to the items of an answer: who lives, and passes conditions and editors' rules."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gnn.shop_arrays import IntArray
from service.answering.answer import AnswerItem
from service.answering.candidates import Pool, Ranked, Ranker
from service.answering.editors_rules import NO_RULES, AppliedRules
from service.answering.item_filter import ItemFilter
from service.answering.shaping import PLAIN, Shaping, shaped
from service.answering.shop_lookup import CARD_FIELDS, AskedItems, ShopLookup
from service.releases.release import Release

Card = dict[str, Any]


@dataclass(frozen=True)
class Wish:
    """What an answer shall hold."""

    k: int
    wanted: ItemFilter
    shaping: Shaping = PLAIN
    rules: AppliedRules = NO_RULES


class Picker:
    """Looks every item up while the answer is made."""

    def __init__(self, shop: ShopLookup | None) -> None:
        """shop: None: what the release knows is taken as it is."""
        self._shop = shop

    def pick(self, pool: Pool, rank: Ranker, wish: Wish, asked: AskedItems) -> list[AnswerItem]:
        """The k best that live, with what editors pinned before them."""
        items = pool.release.items
        if wish.rules.banned:
            pool = pool.without(items.indices_of(sorted(wish.rules.banned)))
        ranking = shaped(rank, wish.shaping, asked.items)
        found = self._best(pool, ranking, wish, asked)
        if not wish.rules.pinned and not wish.rules.always:
            return found
        forced = self._forced(pool, rank, wish, asked)
        pins = [forced[one] for one in wish.rules.pinned if one in forced]
        always = [forced[one] for one in wish.rules.always if one in forced]
        return _joined(pins, found, always, wish.k)

    def _forced(self, pool: Pool, rank: Ranker, wish: Wish, asked: AskedItems) -> dict[str, AnswerItem]:
        """What editors want to see, scored like any other item; conditions, masks and bans hold for it."""
        rules = dict.fromkeys(wish.rules.always, "always_with")
        rules |= dict.fromkeys(wish.rules.pinned, "pin")
        rows = pool.only(pool.release.items.indices_of(list(rules)))
        just = pool.just(rows)
        ranked = rank(just, len(rows)) if len(rows) else None
        if ranked is None:
            return {}
        whole = replace(wish, k=len(rows))
        found, _ = self._living(pool.release, ranked, whole, asked)
        return {item.item_id: replace(item, rule=rules[item.item_id]) for item in found}

    def _best(self, pool: Pool, rank: Ranker, wish: Wish, asked: AskedItems) -> list[AnswerItem]:
        """The k best that live. Where so many are gone that the ranked rows do not suffice, ranks again
        without them: every round takes rows out of the pool, so it ends."""
        while True:
            ranked = rank(pool, wish.k)
            found, gone = self._living(pool.release, ranked, wish, asked)
            if len(found) >= wish.k or not len(gone):
                return found
            pool = pool.without(gone)

    def _living(
        self, release: Release, ranked: Ranked, wish: Wish, asked: AskedItems
    ) -> tuple[list[AnswerItem], IntArray]:
        """The first k rows that live and pass, and the rows met on the way that do not."""
        places: list[int] = []
        cards: list[Card] = []
        gone: list[int] = []
        start, step = 0, wish.k
        while len(places) < wish.k and start < len(ranked.rows):
            rows = ranked.rows[start : start + step]
            for place, card in enumerate(self._cards(release, rows, asked), start):
                if card is not None and wish.wanted.passes(card):
                    places.append(place)
                    cards.append(card)
                else:
                    gone.append(int(ranked.rows[place]))
            start, step = start + step, 2 * step
        chosen = np.array(places[: wish.k], np.int64)
        scores, sources = ranked.scores[chosen].tolist(), ranked.sources(ranked.rows[chosen])
        reasons = ranked.reasons(chosen) if wish.shaping.explain else [None] * len(chosen)
        items = [
            AnswerItem(card["item_id"], score, source, {name: card[name] for name in CARD_FIELDS}, why)
            for card, score, source, why in zip(cards, scores, sources, reasons, strict=False)
        ]
        return items, np.array(gone, np.int64)

    def _cards(self, release: Release, rows: IntArray, asked: AskedItems) -> list[Card | None]:
        """What is shown of each row, as the shop has it now; None: it is gone."""
        if self._shop is None:
            return list(release.items.cards(rows))
        ids = release.items.ids_of(rows)
        live = asked.items(ids)
        return [{"item_id": one, **live[one].card} if one in live else None for one in ids]


def _joined(
    pins: Sequence[AnswerItem], found: Sequence[AnswerItem], always: Sequence[AnswerItem], k: int
) -> list[AnswerItem]:
    """Pins first; what must always be there takes the last places, where it is not among the rest."""
    pinned = {item.item_id for item in pins}
    rest = [item for item in found if item.item_id not in pinned]
    head = [*pins, *rest][:k]
    shown = {item.item_id for item in head}
    missing = [item for item in always if item.item_id not in shown][: k - min(k, len(pins))]
    return [*head[: k - len(missing)], *missing]
