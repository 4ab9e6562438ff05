"""Equal and similar titles, compared by characters."""

from difflib import SequenceMatcher

ALIKE = 0.85  # share of characters in common, 2 M / T (Ratcliff and Metzener 1988)
LONGEST = 300  # characters that are compared
FEWEST_WORDS = 2  # of a title that another one may begin with


def folded(text: str) -> str:
    """Return the text for comparison, with case and white space normalised."""
    return " ".join(text.casefold().split())


def near(one: str, other: str) -> bool:
    """Whether one title begins with the other (such as a title with its edition), or 85 % of their characters match."""
    one, other = folded(one)[:LONGEST], folded(other)[:LONGEST]
    short, long = sorted((one, other), key=len)
    if len(short.split()) >= FEWEST_WORDS and long.startswith(short) and not long[len(short) :][:1].isalnum():
        return True
    matcher = SequenceMatcher(None, one, other, autojunk=False)
    return matcher.real_quick_ratio() >= ALIKE and matcher.quick_ratio() >= ALIKE and matcher.ratio() >= ALIKE
