"""Formats values of a repo for one line of a terminal. The values come from strangers, so they are shortened and escaped."""

from typing import Any

MAX_CHARACTERS = 130  # of a displayed value


def format_value(value: Any) -> str:
    """A value as one line of at most MAX_CHARACTERS characters."""
    try:
        text = f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
    except ValueError:  # Python does not format integers of more than 4,300 digits
        return "a number that is too long to write"
    text = escape_unprintable(text[: 100 * MAX_CHARACTERS])
    return text if len(text) <= MAX_CHARACTERS else f"{text[: MAX_CHARACTERS - 1]}…"


def escape_unprintable(text: str) -> str:
    """A text as one line, with U+FFFD in place of each control or invisible character."""
    text = " ".join(text.split())
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)


def first_difference(claimed: str, derived: str) -> str:
    """The position of the first difference of two texts, with the characters around it."""
    pairs = enumerate(zip(claimed, derived, strict=False))
    position = next((position for position, (a, b) in pairs if a != b), min(len(claimed), len(derived)))
    start, end = max(0, position - 20), position + 20
    return f"differs at character {position}: {claimed[start:end]!r}, derived {derived[start:end]!r}"
