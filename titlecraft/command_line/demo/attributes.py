"""The share of a title's attributes that an answer states, for the demo's invented products."""

from collections.abc import Iterable

from titlecraft.command_line.demo.products import (
    ARTICLES,
    BRANDS,
    COLOURS,
    FAMILY,
    GENRES,
    GIVEN,
    INSTRUMENTS,
    MATERIALS,
    PLACES,
    TOPICS,
)

ATTRIBUTES = frozenset(
    word.lower()
    for words in (ARTICLES, BRANDS, COLOURS, FAMILY, GENRES, GIVEN, INSTRUMENTS, MATERIALS, PLACES, TOPICS)
    for word in words
)
"""Everything that a title of products.py can say of its product: kind, brand, colour, material, genre, topic, names, place."""


def share_stated(answers: Iterable[tuple[str, str]], known: Iterable[str] = ATTRIBUTES) -> float:
    """Return the share, in [0, 1], of all attributes of the titles that the title's own answer states.

    Args:
        answers: pairs of title and answer. Titles without a known attribute do not count; without any the share is 0.
        known: attributes in lower case.
    """
    stated = asked = 0
    for title, answer in answers:
        attributes = [word for word in known if word in title.lower()]
        asked += len(attributes)
        stated += sum(word in answer.lower() for word in attributes)
    return stated / asked if asked else 0.0
