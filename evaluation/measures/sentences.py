"""Splits a text into sentences by punctuation, without a model or a list of abbreviations ("Mr. Fox" becomes two)."""

import random
import re

END = re.compile(r"(?<=[.!?…])\s+|(?<=[.!?…][\"'”’)])\s+|\s*\n\s*")
PUNCTUATION = "\"'“”‘’()[]{}<>,;:.!?…*–—-"  # stripped from a word's ends
WHOLE = re.compile(r"[.!?…][\"'”’)]?$")


def sentences(text: str) -> list[str]:
    """The sentences of a text: it is cut after `.`, `!`, `?`, `…` and at line breaks; empty parts are left out."""
    return [part for part in END.split(text.strip()) if part]


def orders(text: str, seed: int) -> tuple[str, str] | None:
    """The text with its sentences in their own order, and shuffled, joined by single spaces; None if there is no other order.

    An unfinished last sentence is left out: in the middle of a text it would reveal the shuffled order. The order depends
    on seed and text only.
    """
    own_order = sentences(text)
    if own_order and not WHOLE.search(own_order[-1]):
        own_order.pop()
    if len(set(own_order)) < 2:
        return None
    shuffled, rng = list(own_order), random.Random(f"{seed}\x1f{text}")
    while shuffled == own_order:
        rng.shuffle(shuffled)
    return " ".join(own_order), " ".join(shuffled)
