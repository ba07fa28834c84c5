"""Categories and brands while items come and change."""

from dataclasses import dataclass, replace

import numpy as np

from gnn.live.live_batch import LiveItems
from gnn.shop_arrays import IntArray, ShopArrays


@dataclass(frozen=True)
class LiveCatalogue:
    """A shop without events and texts; `grown`, `changed` and `emptied` give the next state."""

    shop: ShopArrays

    @classmethod
    def of(cls, shop: ShopArrays) -> "LiveCatalogue":
        """The catalogue of a shop."""
        bare = replace(shop, text=None, whole_text=None, review_text=None)
        return cls(bare.events(0, 0))

    def grown(self, n_users: int, n_items: int) -> "LiveCatalogue":
        """Room for more; new items have no category and no brand."""
        brand = self.shop.brand
        if brand is not None:
            brand = np.concatenate([brand, np.full(n_items - len(brand), -1, np.int64)])
        return LiveCatalogue(replace(self.shop, n_users=n_users, n_items=n_items, brand=brand))

    def changed(self, items: LiveItems) -> "LiveCatalogue":
        """Some items as they are now."""
        shop = self.shop
        pairs, parent, brand = shop.item_category, shop.category_parent, shop.brand
        if items.item_category is not None:
            old = self._pairs_without(items.rows)
            pairs = np.concatenate([old, items.item_category.reshape(-1, 2)])
        if items.category_parent is not None:
            parent = items.category_parent
        if items.brand is not None and (brand is not None or bool((items.brand >= 0).any())):
            brand = np.full(shop.n_items, -1, np.int64) if brand is None else brand.copy()
            brand[items.rows] = items.brand
        return LiveCatalogue(replace(shop, item_category=pairs, category_parent=parent, brand=brand))

    def emptied(self, rows: IntArray) -> "LiveCatalogue":
        """Some items without category and brand."""
        pairs, brand = self.shop.item_category, self.shop.brand
        if pairs is not None:
            pairs = self._pairs_without(rows)
        if brand is not None:
            brand = brand.copy()
            brand[rows] = -1
        return LiveCatalogue(replace(self.shop, item_category=pairs, brand=brand))

    def _pairs_without(self, rows: IntArray) -> IntArray:
        pairs = self.shop.item_category
        if pairs is None:
            return np.zeros((0, 2), np.int64)
        return pairs[~np.isin(pairs[:, 0], rows)]
