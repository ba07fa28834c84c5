"""Prices as shops write them -> a number and a currency."""

import math
import re

import polars as pl

_SYMBOLS = {
    "US$": "USD", "CA$": "CAD", "C$": "CAD", "AU$": "AUD", "A$": "AUD", "NZ$": "NZD", "HK$": "HKD",
    "R$": "BRL", "S$": "SGD", "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "￥": "JPY", "₹": "INR",
    "₫": "VND", "đ": "VND", "₽": "RUB", "₩": "KRW", "₺": "TRY", "₴": "UAH", "₪": "ILS", "฿": "THB",
    "zł": "PLN", "Kč": "CZK",
}  # fmt: skip
_CODES = frozenset({
    "AED", "AUD", "BGN", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EGP", "EUR", "GBP", "HKD",
    "HUF", "IDR", "ILS", "INR", "JPY", "KRW", "KZT", "MAD", "MXN", "MYR", "NGN", "NOK", "NZD", "PEN", "PHP",
    "PKR", "PLN", "RON", "RUB", "SAR", "SEK", "SGD", "THB", "TRY", "TWD", "UAH", "USD", "VND", "ZAR",
})  # fmt: skip
_NO_CENTS = frozenset({"VND", "IDR", "KRW", "JPY", "CLP", "COP", "HUF"})
_DOT_GROUPS = _NO_CENTS | {"EUR", "BRL", "DKK", "TRY", "RUB"}
_NUMBER = re.compile(r"\d[\d.,'’ \u00a0\u202f]*\d|\d")  # noqa: RUF001 - real prices use these
MAX_PRICE_CHARS = 60
"""A longer text is no price (a page's script, in some dumps)."""


def price_columns(prices: pl.Series) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Prices, their currencies (null where the text names none), and a mask of texts that are no price.

    prices: String or any number. Negative and non-finite numbers are no price. A range gives its lower end.
    """
    if prices.dtype.is_numeric():
        numbers = prices.cast(pl.Float64).fill_nan(None)
        currencies = pl.Series("currency", [None], dtype=pl.String).new_from_index(0, len(prices))
    else:
        numbers = prices.cast(pl.Float64, strict=False).fill_nan(None)
        known = {
            text: price_of(text) for text in prices.filter(numbers.is_null()).unique() if text is not None
        }
        read = [known.get(text, (None, None)) if text is not None else (None, None) for text in prices]
        worded = pl.Series([price for price, _ in read], dtype=pl.Float64)
        numbers = pl.select(pl.coalesce(numbers, worded)).to_series()
        currencies = pl.Series("currency", [currency for _, currency in read], dtype=pl.String)
    fits = (numbers.is_finite() & (numbers >= 0)).fill_null(value=False)
    bad = prices.is_not_null() & ~fits
    if not prices.dtype.is_numeric():
        bad &= (prices.str.strip_chars() != "").fill_null(value=False)
    return numbers.set(~fits, None).alias("price"), currencies.alias("currency"), bad


def price_of(text: str) -> tuple[float | None, str | None]:
    """(number, ISO 4217 code) of a price in words such as `$12.99`, `1.299,00 €`, `USD 5`."""
    if len(text) > MAX_PRICE_CHARS:
        return None, None
    match = _NUMBER.search(text)
    if match is None or text[: match.start()].rstrip().endswith("-"):
        return None, None
    currency = _currency_of(text)
    number = _number_of(re.sub(r"[\s'’]", "", match[0]), currency)  # noqa: RUF001
    return (None, None) if number is None else (number, currency)


def _currency_of(text: str) -> str | None:
    for symbol, code in _SYMBOLS.items():  # longest spellings first
        if symbol in text:
            return code
    words = re.findall(r"[A-Z]{3}", text.upper())
    return next((word for word in words if word in _CODES), None)


def _number_of(digits: str, currency: str | None) -> float | None:
    digits = digits.strip(".,")
    if "." in digits and "," in digits:
        decimal = "." if digits.rfind(".") > digits.rfind(",") else ","
    else:
        decimal = _lone_separator(digits, currency)
    group = "," if decimal == "." else "."
    try:
        number = float(digits.replace(group, "").replace(decimal, "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _lone_separator(digits: str, currency: str | None) -> str:
    """Which of `.` and `,` is the decimal mark of a number that has one kind of them only."""
    mark = "," if "," in digits else "."
    other = "." if mark == "," else ","
    if digits.count(mark) > 1:
        return other
    grouped = len(digits.rpartition(mark)[2]) == 3
    if grouped and (mark == "," or currency in _DOT_GROUPS):
        return other
    return mark
