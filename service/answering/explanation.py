"""Why one item is like another: the score's parts, what both share in the shop, and how to look at it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

import numpy as np

from gnn.objective import Objective
from gnn.served_model import Source
from gnn.shop_arrays import FloatArray
from graph.errors import NotFound
from graph.neo4j_browser import BrowserQuery, browser_queries
from graph.neo4j_queries import cypher
from graph.store import GraphStore, SharedEvidence
from service.answering.answer import Answer, Fallback, UnknownItem, answer_of
from service.answering.score_parts import grouped
from service.answering.shop_lookup import LiveItem, live_item
from service.errors import CallerMistake
from service.releases.holder import Serving
from service.releases.release import Release

DEFAULT_MIN_USERS = 3
MAX_INTERMEDIATES = 3
_TRIED_INTERMEDIATES = 10


@dataclass(frozen=True)
class Intermediate:
    """An item that shoppers turned to together with both."""

    item_id: str
    title: str
    users_with_item: int
    """Shoppers of both this one and the item asked about; never below the floor."""
    users_with_other: int


@dataclass(frozen=True)
class Evidence:
    """What two items share in the shop, as counts; what fewer than `min_users` people did is not told."""

    min_users: int
    users: int | None
    """Shoppers of both; None: fewer than `min_users`, perhaps none."""
    by_relation: dict[str, int]
    """Relationship type -> shoppers who did just this with both; types below the floor are left out."""
    categories: tuple[str, ...]
    brand: str | None
    """The brand, where both have the same."""
    intermediates: tuple[Intermediate, ...] = ()


@dataclass(frozen=True)
class BrowserCypher:
    """What to paste into Neo4j Browser: values stand in parameters, never in the statements."""

    params: str
    """Sets `$a` and `$b`; goes first."""
    counts: str
    """Counts the shared shoppers, as in the evidence."""
    picture: str
    """Draws shared shoppers and categories."""
    parameters: dict[str, str]

    @classmethod
    def of(cls, item_id: str, other: str) -> "BrowserCypher":
        """For a pair of items."""
        params = f":params {{a: {json.dumps(item_id)}, b: {json.dumps(other)}}}"
        picture = next(one.text for one in _kit() if one.name.endswith("why_similar"))
        return cls(params, cypher("evidence_users"), picture, {"a": item_id, "b": other})


@dataclass(frozen=True)
class Explanation:
    """Why the score of `other` as a neighbour of `item_id` is what it is."""

    item_id: str
    other: str
    title: str
    other_title: str
    objective: Objective
    score: float | None
    """None: the served release does not know both items yet."""
    source: Source | None
    parts: dict[str, float]
    """By `GROUPS`; they add up to the score, float32 rounding apart."""
    features: dict[str, float]
    """The same, feature by feature."""
    evidence: Evidence
    cypher: BrowserCypher
    freshness: Answer
    """An answer without items: what the explanation rests on."""

    def to_json(self) -> dict[str, Any]:
        """As in an HTTP answer."""
        shown = {name: getattr(self, name) for name in _SHOWN}
        evidence = asdict(self.evidence) | {"categories": list(self.evidence.categories)}
        evidence["intermediates"] = list(evidence["intermediates"])
        evidence["fewer_than"] = self.evidence.min_users if self.evidence.users is None else None
        return {
            **shown,
            "evidence": evidence,
            "cypher": asdict(self.cypher),
            **self.freshness.freshness,
        }


_SHOWN = (
    "item_id",
    "other",
    "title",
    "other_title",
    "objective",
    "score",
    "source",
    "parts",
    "features",
)


class Explainer:
    """Explains pairs of items from the served model and the graph store; free of HTTP."""

    def __init__(
        self, serving: Callable[[], Serving], store: GraphStore, min_users: int = DEFAULT_MIN_USERS
    ) -> None:
        """serving: taken once per explanation. min_users: of fewer people nothing is told, so that nobody
        can be recognised (k-anonymity, Sweeney 2002)."""
        self._serving = serving
        self._store = store
        self._min_users = min_users

    def explain(self, item_id: str, other: str, objective: Objective = Objective.RELATED) -> Explanation:
        """Raises `UnknownItem`, `CallerMistake` (an item and itself), `NoRelease`."""
        if item_id == other:
            raise CallerMistake("an item is compared with another one, not with itself")
        serving = self._serving()
        a, b = self._living(item_id, other)
        scored = _scored(serving.release, item_id, other, objective)
        score, source, features = scored or (None, None, {})
        return Explanation(
            item_id,
            other,
            a.card["title"],
            b.card["title"],
            objective,
            score,
            source,
            grouped(features),
            features,
            self._evidence(serving.release, (item_id, other), (a, b)),
            BrowserCypher.of(item_id, other),
            answer_of(serving, [], None if scored else Fallback.ITEM_NOT_IN_RELEASE),
        )

    def _living(self, *item_ids: str) -> list[LiveItem]:
        rows = {row["item_id"]: live_item(row) for row in self._store.items(item_ids).iter_rows(named=True)}
        for item_id in item_ids:
            if item_id not in rows:
                raise UnknownItem(f"no item {item_id!r}, or it was deleted")
        return [rows[item_id] for item_id in item_ids]

    def _evidence(self, release: Release, ids: tuple[str, str], items: tuple[LiveItem, LiveItem]) -> Evidence:
        shared = self._shared(*ids)
        brand = items[0].card["brand"]
        same = bool(brand) and brand.casefold() == items[1].card["brand"].casefold()
        shown = shared.shown(self._min_users)
        return Evidence(
            self._min_users,
            shown.users or None,
            shown.by_relation if shown.users else {},
            shown.categories,
            brand if same else None,
            self._intermediates(release, *ids),
        )

    def _shared(self, item_id: str, other: str) -> SharedEvidence:
        try:
            return self._store.evidence(item_id, other)
        except NotFound:
            raise UnknownItem(f"no item {item_id!r} or {other!r}, or it was deleted") from None

    def _intermediates(self, release: Release, item_id: str, other: str) -> tuple[Intermediate, ...]:
        """The strongest by the model of which the store has enough shoppers on both sides."""
        rows = release.items.indices_of([item_id, other])
        if len(rows) < 2:
            return ()
        found: list[Intermediate] = []
        middle = release.model.intermediates(int(rows[0]), int(rows[1]), _TRIED_INTERMEDIATES)
        live = self._titles(release.items.ids_of(middle))
        for between, title in live.items():
            try:
                counts = [self._store.evidence(one, between).users for one in (item_id, other)]
            except NotFound:  # deleted since its title was read
                continue
            if min(counts) >= self._min_users:
                found.append(Intermediate(between, title, *counts))
            if len(found) == MAX_INTERMEDIATES:
                break
        return tuple(found)

    def _titles(self, item_ids: Sequence[str]) -> dict[str, str]:
        """Titles of those that live, in the given order."""
        rows = self._store.items(item_ids).select("item_id", "title").rows() if item_ids else []
        titles = dict(rows)
        return {one: titles[one] for one in item_ids if one in titles}


@cache
def _kit() -> tuple[BrowserQuery, ...]:
    return tuple(browser_queries())


def _scored(
    release: Release, item_id: str, other: str, objective: Objective
) -> tuple[float, Source, dict[str, float]] | None:
    """Score, source and parts; None where the release lacks one of the items."""
    query, target = release.items.index_of(item_id), release.items.index_of(other)
    if query is None or target is None:
        return None
    rows = np.array([target], np.int64)
    score: FloatArray = release.model.score_candidates(query, rows, objective)
    parts = release.model.contributions(query, rows, objective)
    features = {name: float(values[0]) for name, values in parts.items()}
    return float(score[0]), release.model.sources(query, rows, objective)[0], features
