"""Detects descriptions of fewer than 60 characters, which are mostly a byline, an imprint or a line of advertising."""

from titlecraft.search.scripts import width

FEWEST = 60  # characters; an East Asian letter counts as two, as in data.minimum_characters


def is_short(title: str, content: str) -> bool:
    """Return whether a description has fewer than 60 characters."""
    return len(content) < FEWEST and width(content) < FEWEST
