"""A made-up shop with planted tastes, for trying Ilk without any data and without a network.

Every shopper has one or two tastes ("espresso at home", "trail running", ...) and picks products of these
tastes nine times out of ten. Products of one taste lie in different categories, so that texts alone do not
give the tastes away: a model has to learn them from the graph. Same seed, same bytes.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

START_SECONDS = 1_735_689_600  # 2025-01-01 UTC
DAYS = 180
BRANDS = ("Alder", "Brightwater", "Corvane", "Dunmore", "Elmstead", "Foxhollow", "Greyline", "Harrow")
STYLES = (
    "Classic",
    "Compact",
    "Pro",
    "Everyday",
    "Studio",
    "Heritage",
    "Light",
    "Signature",
    "Basic",
    "Travel",
)

TASTES: dict[str, tuple[tuple[str, str, float], ...]] = {
    # taste -> (product, category path, price)
    "espresso at home": (
        ("Espresso Machine", "Kitchen > Coffee > Machines", 389.0),
        ("Burr Coffee Grinder", "Kitchen > Coffee > Grinders", 149.0),
        ("Milk Frothing Jug", "Kitchen > Coffee > Accessories", 24.0),
        ("Whole Coffee Beans 1 kg", "Groceries > Coffee", 19.0),
        ("Set of 4 Cappuccino Cups", "Kitchen > Tableware > Cups", 34.0),
    ),
    "baking bread": (
        ("Cast Iron Dutch Oven", "Kitchen > Cookware > Pots", 119.0),
        ("Banneton Proofing Basket", "Kitchen > Baking > Bread", 22.0),
        ("Digital Kitchen Scale", "Kitchen > Baking > Scales", 29.0),
        ("Stone Ground Rye Flour", "Groceries > Flour", 6.0),
        ("Serrated Bread Knife", "Kitchen > Knives", 45.0),
    ),
    "trail running": (
        ("Trail Running Shoes", "Sports > Running > Shoes", 129.0),
        ("Hydration Vest 8 l", "Sports > Running > Packs", 89.0),
        ("Merino Running Socks", "Clothing > Socks", 17.0),
        ("Rechargeable Headlamp", "Sports > Lighting", 59.0),
        ("Energy Gel Box of 24", "Groceries > Sports Nutrition", 36.0),
    ),
    "camping with family": (
        ("Four Person Tunnel Tent", "Sports > Camping > Tents", 429.0),
        ("Down Sleeping Bag", "Sports > Camping > Sleeping", 169.0),
        ("Gas Camping Stove", "Sports > Camping > Cooking", 64.0),
        ("Enamel Mug", "Kitchen > Tableware > Cups", 12.0),
        ("Waterproof Picnic Blanket", "Home > Blankets", 39.0),
    ),
    "home studio": (
        ("Condenser Microphone", "Audio > Microphones", 199.0),
        ("USB Audio Interface", "Audio > Interfaces", 139.0),
        ("Closed Back Headphones", "Audio > Headphones", 119.0),
        ("Adjustable Desk Arm", "Office > Desk", 49.0),
        ("Acoustic Foam Panels", "Home > Wall", 44.0),
    ),
    "balcony garden": (
        ("Terracotta Planter", "Garden > Pots", 27.0),
        ("Organic Potting Soil 20 l", "Garden > Soil", 13.0),
        ("Heirloom Tomato Seeds", "Garden > Seeds", 4.0),
        ("Galvanised Watering Can", "Garden > Watering", 32.0),
        ("Folding Bistro Chair", "Home > Chairs", 59.0),
    ),
    "watercolour": (
        ("Watercolour Paint Set", "Arts > Paint", 48.0),
        ("Cold Pressed Paper Pad", "Arts > Paper", 21.0),
        ("Round Sable Brush", "Arts > Brushes", 18.0),
        ("Porcelain Mixing Palette", "Kitchen > Tableware > Plates", 15.0),
        ("Tabletop Easel", "Office > Desk", 39.0),
    ),
    "commuting by bike": (
        ("Bicycle Pannier Bag", "Sports > Cycling > Bags", 79.0),
        ("Folding Bike Lock", "Sports > Cycling > Locks", 69.0),
        ("Rear Bike Light", "Sports > Lighting", 29.0),
        ("Rain Cape", "Clothing > Rain", 54.0),
        ("Insulated Travel Mug", "Kitchen > Tableware > Cups", 26.0),
    ),
}

PRAISE = (
    "Does just what I hoped for.",
    "Well made, and it feels like it will last.",
    "Bought a second one for my sister.",
    "Good value; arrived quickly.",
    "Use it every week.",
)
GRUMBLE = (
    "Smaller than the picture suggests.",
    "Fine, but the finish could be better.",
    "Took a while to get used to.",
)
FUNNEL = ("view_item", "view_item", "view_item", "add_to_cart", "purchase", "review")


@dataclass(frozen=True)
class SampleShop:
    """How big the shop is; the defaults load, learn and serve in about a minute."""

    users: int = 1_500
    variants: int = 12
    """Items per product."""
    events_per_user: int = 16
    loyalty: float = 0.9
    """Share of events inside the shopper's own tastes."""
    seed: int = 7

    def write(self, folder: Path) -> None:
        """Write `items.jsonl` and `events.jsonl` (Ilk's folder format), replacing older ones."""
        folder.mkdir(parents=True, exist_ok=True)
        items = self.items()
        _write_lines(folder / "items.jsonl", items)
        _write_lines(folder / "events.jsonl", self.events(items))

    def items(self) -> list[dict[str, object]]:
        """Items with title, description, brand, category path and price; taste by taste, in order."""
        rng = np.random.default_rng(self.seed)
        rows: list[dict[str, object]] = []
        for products in TASTES.values():
            for product, category, price in products:
                for _ in range(self.variants):
                    brand, style = rng.choice(BRANDS), rng.choice(STYLES)
                    rows.append(
                        {
                            "item_id": f"S{len(rows):04d}",
                            "title": f"{brand} {style} {product}",
                            "description": f"{product} of the {style.lower()} line by {brand}.",
                            "brand": str(brand),
                            "category": category,
                            "price": round(price * float(rng.uniform(0.7, 1.4)), 2),
                            "currency": "EUR",
                            "availability": "InStock",
                        }
                    )
        return rows

    def taste_of(self, row: int) -> str:
        """The planted taste of the item in a row of `items()`."""
        return list(TASTES)[row // (self.variants * len(next(iter(TASTES.values()))))]

    def events(self, items: list[dict[str, object]]) -> list[dict[str, object]]:
        """Events in time order; popular variants follow a Zipf law within their taste."""
        rng = np.random.default_rng(self.seed + 1)
        tastes = list(TASTES)
        of_taste = {t: [i for i in range(len(items)) if self.taste_of(i) == t] for t in tastes}
        per_taste = len(items) // len(tastes)
        popularity = 1.0 / np.arange(1, per_taste + 1)
        popularity = rng.permutation(popularity / popularity.sum())
        rows: list[dict[str, object]] = []
        for user in range(self.users):
            mine = rng.choice(tastes, size=1 + int(rng.random() < 0.3), replace=False)
            day = float(rng.uniform(0, DAYS * 0.8))
            for _ in range(int(rng.poisson(self.events_per_user)) + 1):
                taste = str(rng.choice(mine)) if rng.random() < self.loyalty else str(rng.choice(tastes))
                item = items[of_taste[taste][rng.choice(per_taste, p=popularity)]]
                day += float(rng.exponential(1.5))
                rows.append(self._event(rng, f"shopper-{user:04d}", item, day))
        return sorted(rows, key=lambda row: (row["timestamp"], row["user_id"], row["item_id"]))

    def _event(
        self, rng: np.random.Generator, user_id: str, item: dict[str, object], day: float
    ) -> dict[str, object]:
        kind = str(rng.choice(FUNNEL))
        event: dict[str, object] = {
            "user_id": user_id,
            "item_id": item["item_id"],
            "timestamp": START_SECONDS + int(day * 86_400),
            "event_type": kind,
        }
        if kind == "review":
            happy = rng.random() < 0.8
            event["rating"] = int(rng.integers(4, 6)) if happy else int(rng.integers(2, 4))
            event["review_text"] = str(rng.choice(PRAISE if happy else GRUMBLE))
        return event


def _write_lines(path: Path, rows: list[dict[str, object]]) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("w", encoding="utf-8") as out:
        out.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    temporary.replace(path)
