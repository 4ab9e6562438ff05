"""Formats numbers for the report, the console and the plots."""

from math import ceil, floor, log10

from numpy import format_float_positional

SMALLEST = 1e-6  # a smaller number is a rounding error of 0
ROUNDING = 1e-9  # share of a difference; a smaller standard deviation is a rounding error


def number(value: float, *, signed: bool = False) -> str:
    """Format a number with three decimals (two from 10 on), a true minus sign, and a plus sign if `signed`.

    A number that rounds to 0 and is at least SMALLEST gets one digit: "better, 0.000 to 0.000" contradicts itself.
    """
    size = abs(value)
    text = f"{size:.{2 if size >= 10 else 3}f}"
    if size >= SMALLEST and not text.strip("0."):
        text = format_float_positional(size, precision=1, unique=False, fractional=False, trim="-")
    zero = not text.strip("0.")
    return text if zero or (value > 0 and not signed) else ("−" if value < 0 else "+") + text


def rounded_up(value: float) -> float:
    """Return the smallest number of two digits that is not below a positive number."""
    unit = 10.0 ** (floor(log10(value)) - 1)
    return float(f"{ceil(value / unit - ROUNDING) * unit:.1e}")


def share(part: int, whole: int) -> str:
    """Return a share in per cent: "88%"."""
    return f"{100 * part / whole:.0f}%" if whole else "0%"
