"""When two titles are the same one, and when they are near each other. No model, no list of words."""

from difflib import SequenceMatcher

ALIKE = 0.85  # share of characters in common, 2 M / T (Ratcliff and Metzener 1988)
LONGEST = 300  # characters that are compared
FEWEST_WORDS = 2  # of a title that another one may begin with


def folded(text: str) -> str:
    """Text as it is compared: case and white space do not make two titles different."""
    return " ".join(text.casefold().split())


def near(one: str, other: str) -> bool:
    """Whether one title begins with the other (an edition behind it, say), or 85 % of their characters are in common."""
    one, other = folded(one)[:LONGEST], folded(other)[:LONGEST]
    short, long = sorted((one, other), key=len)
    if len(short.split()) >= FEWEST_WORDS and long.startswith(short) and not long[len(short) :][:1].isalnum():
        return True
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE and matcher.ratio() >= ALIKE
