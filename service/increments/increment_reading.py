"""The shop as an increment of a release sees it."""

from dataclasses import dataclass, replace

import polars as pl

from gnn.shop_arrays import ShopArrays
from service.capped_edges import capped_edges
from service.catch_up import catch_up
from service.change_log import ChangeLog
from service.edge_selection import select_edges
from service.home import Home
from service.item_reviews import rules_of_release
from service.live.known_items import KnownItems
from service.live.mirror import ArrivedItems
from service.live.model import brand_numbers, influence_caps
from service.releases.adapter import adapter_of
from service.releases.release import Release
from service.settings import Settings
from service.shop_snapshot import ShopSnapshot, take_snapshot, with_item_reviews
from service.stores import closing_both, open_log, open_store


@dataclass(frozen=True)
class IncrementReading:
    """What counts of log and store beside the release."""

    release: Release
    snapshot: ShopSnapshot
    """Without events that were taken out or that influence caps leave out."""
    damped: dict[str, int]
    """Events that influence caps left out, by reason."""

    def known(self) -> KnownItems:
        """How the items are now beside those of the release; made each time, as it holds all texts."""
        numbers = brand_numbers(self.release.model)
        return KnownItems(self.release.items, self.snapshot, numbers, self.release.reviews)

    def shop(self) -> ShopArrays:
        """Without texts; brands as the release numbers them."""
        return replace(self.snapshot.arrays(None), brand=self.known().brand)


def read_for_increment(release: Release, settings: Settings, home: Home) -> IncrementReading:
    """Bring the graph in line with the log and read it."""
    log, store, changes = open_log(home), open_store(settings, home), ChangeLog(home.changes)
    with closing_both(log, store, changes):
        catch_up(log, store)
        unfolded = changes.unfolded()
        snapshot = take_snapshot(store, unfolded)
        rules = rules_of_release(release.manifest.config)
        snapshot = with_item_reviews(snapshot, store, rules, unfolded)
    snapshot, _ = select_edges(snapshot, settings.selection)
    capped = capped_edges(snapshot.edges, release.manifest.refreshed_through, influence_caps(settings))
    return IncrementReading(release, replace(snapshot, edges=capped.edges), capped.damped)


def arrived_items(reading: IncrementReading, settings: Settings, home: Home) -> ArrivedItems | None:
    """Items that the release lacks or knows otherwise, with their texts encoded; the text model is opened
    only where there are any. Raises `ModelUnavailable`."""
    known, items = reading.known(), reading.snapshot.items
    rows = pl.concat([known.changed().filter("alive")["index"], known.reviewed()]).unique().to_list()
    items = items.filter(items["index"].is_in(rows))
    if items.is_empty():
        return None
    from service.texts import open_texts  # loads the text model

    texts = open_texts(settings, home, adapter_of(home.releases, reading.release.manifest))
    by_row = dict(known.texts_of(items))
    vectors = texts.items.encode([by_row.get(row, "") for row in items["index"].to_list()])
    return known.arrived(items, vectors, reading.snapshot.item_category)
