"""Write a release's neighbours back into the graph, for people who look at it."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable

from gnn import Objective
from graph.store import GraphStore, SimilarRow
from service.answering.score_parts import split_scores
from service.answering.similar_items import SimilarItemsService
from service.releases.holder import Serving
from service.releases.release import Release
from service.reporter import ProgressFn
from service.settings import Settings

REPORT_EVERY = 200
_SHOWN_FROM = 0.005
"""Smaller parts of a score are not told."""


@runtime_checkable
class RecordsReleases(Protocol):
    """A store in which people look at releases (Neo4j)."""

    def record_release(self, version: str, properties: Mapping[str, str | int | float]) -> None:
        """Make or change the node of a release."""


def writes_back(settings: Settings) -> bool:
    """Whether a release is written back at all: nobody looks into the embedded file."""
    return settings.graph.similar_edges > 0 and settings.graph.url != "sqlite"


def write_back(release: Release, store: GraphStore, k: int, progress: ProgressFn) -> int:
    """Make the `k` served neighbours (objective `related`) of every living item the only `SIMILAR_TO` edges.

    Where the store shows releases, this one gets its node with its figures. About 3 ms an item. Returns how
    many edges were written.
    """
    service = SimilarItemsService(lambda: Serving(release, since=0.0))
    cards = release.items.cards(release.items.alive.nonzero()[0])
    rows: list[SimilarRow] = []
    for done, card in enumerate(cards):
        answer = service.similar(card["item_id"], k)
        why = _why(release, card["item_id"], [found.item_id for found in answer.results])
        rows += [
            SimilarRow(card["item_id"], found.item_id, rank, found.score, told)
            for rank, (found, told) in enumerate(zip(answer.results, why, strict=True), 1)
        ]
        if done % REPORT_EVERY == 0:
            progress(done, len(cards))
    written = store.replace_similar(release.version, rows)
    if isinstance(store, RecordsReleases):
        store.record_release(release.version, _release_properties(release))
    return written


def _why(release: Release, item_id: str, neighbours: list[str]) -> list[str]:
    """What each neighbour's score is made of, the largest part first: `text 1.54, shared shoppers 0.61`."""
    rows = release.items.indices_of([item_id, *neighbours])
    parts = split_scores(release.model, int(rows[0]), rows[1:], Objective.RELATED)
    return [_told(one) for one in parts]


def _told(parts: Mapping[str, float]) -> str:
    shown = sorted(((name, value) for name, value in parts.items()), key=lambda part: -abs(part[1]))
    return ", ".join(
        f"{name.replace('_', ' ')} {value:.2f}" for name, value in shown if abs(value) >= _SHOWN_FROM
    )


def _release_properties(release: Release) -> dict[str, str | int | float]:
    manifest = release.manifest
    figures = {name: value for name, value in manifest.metrics.get("gate", {}).items() if _is_figure(value)}
    named = {_camel(name): value for name, value in figures.items()}
    return {
        "createdAt": manifest.created_at,
        "eventsThrough": manifest.events_through,
        "items": manifest.items,
        "parent": manifest.parent or "",
        **named,
    }


def _is_figure(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _camel(name: str) -> str:
    """`popularity_ndcg@10` -> `popularityNdcg10`."""
    first, *rest = name.replace("@", "").split("_")
    return first + "".join(part.capitalize() for part in rest)
