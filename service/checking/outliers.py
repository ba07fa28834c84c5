"""Prices and quantities far from what the shop's own usually are."""

from dataclasses import dataclass

import polars as pl

LIMIT = 5.0
"""Modified z-score (Iglewicz and Hoaglin, 1993) of the logarithm. They propose 3.5 for bell curves; prices
have longer tails."""
LEAST_SPREAD = 0.1
"""Of log10: where nearly all numbers are the same, another one is not strange for that."""
FEWEST = 20
"""Of fewer numbers nothing is called unusual."""


@dataclass(frozen=True)
class Outliers:
    """What is unusual in one sort of number."""

    what: str
    """`price` (per currency, of items) or `quantity` (of events)."""
    currency: str
    usual: float
    """The median."""
    low: float
    """Smallest number that is not unusual."""
    high: float
    """Largest."""
    unusual: int
    """Items below or above; events above: small quantities are none."""
    not_positive: int
    """Prices of 0 and less; they are not among the unusual ones."""
    examples: list[tuple[str, float]]
    """(item id, number), the furthest first."""


def price_outliers(items: pl.DataFrame, examples: int) -> list[Outliers]:
    """items: of `ITEM_SCHEMA`. One entry per currency, the commonest first."""
    priced = items.filter(pl.col("price").is_not_null())
    found = []
    for currency in priced["currency"].value_counts(sort=True)["currency"].to_list():
        part = priced.filter(pl.col("currency") == currency)
        positive = part.filter(pl.col("price") > 0).select("item_id", number="price", rows=pl.lit(1))
        bounds = _bounds(positive)
        if bounds is not None:
            usual, low, high = bounds
            far = _far(positive, usual, low, high)
            names = list(far.select("item_id", "number").head(examples).iter_rows())
            zero = part.height - positive.height
            found.append(Outliers("price", currency, usual, low, high, far.height, zero, names))
    return found


def quantity_outliers(quantities: pl.DataFrame, largest: pl.DataFrame, examples: int) -> list[Outliers]:
    """quantities: `number` (positive) and `rows`; largest: `item_id` and `number`; as in `Scan`."""
    bounds = _bounds(quantities)
    if bounds is None:
        return []
    usual, low, high = bounds
    far = quantities.filter(pl.col("number") > high)
    above = largest.filter(pl.col("number") > high).sort("number", "item_id", descending=[True, False])
    names = list(above.select("item_id", "number").head(examples).iter_rows())
    return [Outliers("quantity", "", usual, low, high, int(far["rows"].sum()), 0, names)]


def _bounds(numbers: pl.DataFrame) -> tuple[float, float, float] | None:
    """Median and the bounds around it of the column `number`, each counted `rows` times; None: too few."""
    if numbers.is_empty() or int(numbers["rows"].sum()) < FEWEST:
        return None
    logs = numbers.select(pl.col("number").cast(pl.Float64).log10(), "rows")
    middle = _median(logs)
    apart = logs.with_columns((pl.col("number") - middle).abs())
    reach = LIMIT / 0.6745 * max(_median(apart), LEAST_SPREAD)
    return 10**middle, 10 ** (middle - reach), 10 ** (middle + reach)


def _median(numbers: pl.DataFrame) -> float:
    ordered = numbers.sort("number")
    half = int(ordered["rows"].sum()) / 2
    return float(ordered.filter(pl.col("rows").cum_sum() >= half)["number"][0])


def _far(numbers: pl.DataFrame, usual: float, low: float, high: float) -> pl.DataFrame:
    """The unusual ones, the furthest from the usual first."""
    far = numbers.filter(~pl.col("number").is_between(low, high))
    return far.sort((pl.col("number") / usual).log10().abs(), descending=True, maintain_order=True)
