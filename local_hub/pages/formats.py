"""Template filters: numbers, sizes and times for people."""

from datetime import UTC, datetime
from typing import Any

_STEPS = ((365 * 86400, "year"), (30 * 86400, "month"), (86400, "day"), (3600, "hour"), (60, "minute"))


def size(number_of_bytes: int) -> str:
    """`812 B`, `3.4 kB`, `1.2 GB`: decimal units, as the Hub shows them."""
    value, unit = float(number_of_bytes), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 999.5 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" or value >= 99.5 else f"{value:.3g} {unit}"


def count(number: int) -> str:
    """`1,234,567`"""
    return f"{number:,}"


def number(value: Any) -> str:
    """The value of a metric: at most four decimals; short numbers are not rounded."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int):
        return f"{value:,}"
    return repr(value) if len(repr(value)) <= 7 else f"{value:,.4f}" if abs(value) >= 0.001 else f"{value:.3g}"


def ago(hub_time: str) -> str:
    """`3 hours ago`, for a time in the Hub's format."""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(hub_time)).total_seconds()
    for length, unit in _STEPS:
        if seconds >= length:
            many = int(seconds // length)
            return f"{many} {unit}{'s' if many > 1 else ''} ago"
    return "just now"


def day(hub_time: str) -> str:
    """`22 Nov 2026`"""
    return f"{datetime.fromisoformat(hub_time):%-d %b %Y}"


def moment(hub_time: str) -> str:
    """`22 Nov 2026, 10:40 UTC`"""
    return f"{datetime.fromisoformat(hub_time).astimezone(UTC):%-d %b %Y, %H:%M UTC}"
