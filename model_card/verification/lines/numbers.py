"""Compares a text of another version of Titlecraft by its numbers: each must occur in the rendering here or in a record."""

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from html.parser import HTMLParser
from typing import Any

import msgspec

NUMBER = re.compile(r"(?<![\w.])\d[\d,]*(?:\.\d+)?(?:e[-+]?\d+)?(?!\w)")
HIDDEN = ("script", "style")  # elements whose content a page does not display
RESULTS = (
    "h1",
    "h2",
    "header",
    "table",
)  # elements of a page that have results; other text may quote figures of its version


class VisibleText(HTMLParser):
    """Collects the text that a page displays, all of it or that of some elements.

    Args:
        within: the elements; none for all text.
    """

    def __init__(self, within: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.within = within
        self.parts: list[str] = []
        self.hidden, self.depth = 0, 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Count the open elements that decide whether a text is kept."""
        self.hidden += tag in HIDDEN
        self.depth += tag in self.within

    def handle_endtag(self, tag: str) -> None:
        """Count the open elements that decide whether a text is kept."""
        self.hidden -= tag in HIDDEN and self.hidden > 0
        self.depth -= tag in self.within and self.depth > 0

    def handle_data(self, data: str) -> None:
        """Keep a text."""
        if not self.hidden and (self.depth or not self.within) and data.strip():
            self.parts.append(data)


def visible_text(page: str, within: tuple[str, ...] = ()) -> str:
    """The text that an HTML page displays, or that of some elements, with a line for each part."""
    parser = VisibleText(within)
    parser.feed(page)
    parser.close()
    return "\n".join(parser.parts)


def numbers_in(text: str) -> list[Decimal]:
    """The numbers of a text in order, without signs and thousands separators."""
    numbers = []
    for match in NUMBER.finditer(text):
        try:
            numbers.append(Decimal(match[0].replace(",", "")))
        except InvalidOperation:
            continue
    return numbers


def values_in(value: Any) -> Iterator[float]:
    """The numbers of a record, and those in its texts, in any depth."""
    if isinstance(value, bool):
        return
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, str):
        yield from map(float, numbers_in(value))
    elif isinstance(value, dict):
        for key, part in value.items():
            yield from values_in(key)
            yield from values_in(part)
    elif isinstance(value, list | tuple):
        yield len(value)
        for part in value:
            yield from values_in(part)


def is_measured(number: Decimal) -> bool:
    """Whether a number may be a result, and not a word of a sentence: it has a fraction, or is large and no year."""
    return number != number.to_integral_value() or (number >= 1000 and not 1900 <= number <= 2100)


def unknown_numbers(text: str, rendering: str, records: Iterable[Any]) -> list[str]:
    """The numbers of a text that neither its rendering here nor a record has, in order.

    A number of a record counts if it rounds to the number of the text, as it is or as a percentage. Small whole numbers and
    years are left out: the sentences of another version have their own ("80 % power").
    """
    known = set(numbers_in(rendering))
    numbers = dict.fromkeys(number for number in numbers_in(text) if is_measured(number))
    candidates = [number for number in numbers if number not in known]
    if not candidates:
        return []
    values = {abs(value) for record in records for value in values_in(msgspec.to_builtins(record))}
    values |= {100 * value for value in values}
    unknown = []
    for number in candidates:
        exponent = number.as_tuple().exponent
        half = 0.5000001 * 10.0 ** (exponent if isinstance(exponent, int) else 0)
        if not any(abs(value - float(number)) <= half for value in values):
            unknown.append(str(number))
    return unknown
