"""A mirror made from the whole store."""

from dataclasses import dataclass, replace

import polars as pl

from gnn.shop_arrays import IntArray
from service.capped_edges import capped_edges
from service.change_log import UnfoldedRange
from service.edge_selection import select_edges
from service.item_reviews import rules_of_release
from service.live.known_items import KnownItems
from service.live.left_rows import LeftRows
from service.live.live_sources import LiveSources
from service.live.mirror import MakeMirror, Mirror, MirrorStart
from service.live.model import brand_numbers, influence_caps
from service.releases.release import Release
from service.settings import Settings
from service.shop_snapshot import take_snapshot, with_item_reviews


@dataclass(frozen=True)
class MirrorReading:
    """A mirror and what it was made from."""

    mirror: Mirror
    known: KnownItems
    changed: pl.DataFrame
    """Living items that the release lacks or knows otherwise, as the store has them."""
    through: int
    """Newest event that counts in the mirror."""
    change: int
    """Newest entry of the change log that counts."""
    unfolded: list[UnfoldedRange]
    categories: IntArray
    """(item index, category index) pairs, shape (p, 2)."""
    reviews: pl.DataFrame | None
    """`BEST_REVIEWS_SCHEMA`; `None` where reviews are no part of the texts."""


def read_mirror(
    release: Release,
    sources: LiveSources,
    make_mirror: MakeMirror,
    settings: Settings,
    left: LeftRows | None = None,
) -> MirrorReading:
    """Read the store. Memory: that of a snapshot, the mirror beside it for a moment.

    left: what another updater published of this release: events up to there are read, path lists gone on
    with."""
    change, unfolded = sources.changes.last_number(), sources.changes.unfolded()
    snapshot, _ = select_edges(take_snapshot(sources.store, unfolded), settings.selection)
    if left is not None:
        change = left.changes_through  # whatever came since is looked at again
        edges = snapshot.edges.until(left.through)
        snapshot = replace(snapshot, edges=edges, events_through=left.through)
    rules = rules_of_release(release.manifest.config)
    snapshot = with_item_reviews(snapshot, sources.store, rules, unfolded)
    known = KnownItems(release.items, snapshot, brand_numbers(release.model), release.reviews)
    capped = capped_edges(snapshot.edges, release.manifest.refreshed_through, influence_caps(settings))
    shop = replace(replace(snapshot, edges=capped.with_waiting).arrays(None), brand=known.brand)
    differing = pl.concat([known.changed()["index"], known.reviewed()])
    changed = snapshot.items.filter(pl.col("index").is_in(differing.implode()), "alive")
    start = MirrorStart(
        shop=shop,
        sequence=capped.with_waiting.seq,
        items=known.arrived(changed, None, snapshot.item_category),
        frozen=release.items.indices_of(sorted(settings.update.freeze)),
        ledger=capped.ledger,
        damped=capped.damped,
        handed_out=() if left is None else left.rows,
    )
    return MirrorReading(
        mirror=make_mirror(release.model, start),
        known=known,
        changed=changed,
        through=max(snapshot.events_through, release.manifest.events_through),
        change=change,
        unfolded=unfolded,
        categories=snapshot.item_category,
        reviews=snapshot.reviews,
    )
