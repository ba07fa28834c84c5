"""Settings come from files and requests: what is no number, or none that makes sense, is named at once."""

import math


def check_whole(name: str, value: object, least: int) -> None:
    """Raises `ValueError` that names the setting unless it is an int (no bool) of at least so much."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be a whole number of at least {least}, not {value!r}")


def check_number(name: str, value: object, least: float, most: float = math.inf) -> None:
    """Raises `ValueError` that names the setting unless it is a finite number (no bool) in the range."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not least <= value <= most:  # type: ignore[operator]
        span = f"of at least {least:g}" if most == math.inf else f"from {least:g} to {most:g}"
        raise ValueError(f"{name} must be a number {span}, not {value!r}")
