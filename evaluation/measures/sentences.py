"""Sentences of a generated text, by punctuation alone: no model, no list of abbreviations ("Mr. Fox" becomes two)."""

import random
import re

END = re.compile(r"(?<=[.!?…])\s+|(?<=[.!?…][\"'”’)])\s+|\s*\n\s*")
PUNCTUATION = "\"'“”‘’()[]{}<>,;:.!?…*–—-"  # stripped from a word's ends
WHOLE = re.compile(r"[.!?…][\"'”’)]?$")


def sentences(text: str) -> list[str]:
    """The text cut behind `.`, `!`, `?`, `…` and at line breaks; no empty ones."""
    return [part for part in END.split(text.strip()) if part]


def orders(text: str, seed: int) -> tuple[str, str] | None:
    """The text's sentences as they stand and shuffled, joined by single spaces; None where it has no second order.

    An unfinished last sentence is left out: in the middle of a text it would give the shuffled order away. The order
    depends on nothing but seed and text.
    """
    found = sentences(text)
    if found and not WHOLE.search(found[-1]):
        found.pop()
    if len(set(found)) < 2:
        return None
    shuffled, rng = list(found), random.Random(f"{seed}\x1f{text}")
    while shuffled == found:
        rng.shuffle(shuffled)
    return " ".join(found), " ".join(shuffled)
