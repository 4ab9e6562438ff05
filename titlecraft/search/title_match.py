"""Equal and similar titles, compared by characters."""

from difflib import SequenceMatcher

from titlecraft.search.scripts import count_words, units

SIMILARITY = 0.85  # share of characters in common, 2 M / T (Ratcliff and Metzener 1988)
LONGEST = 300  # characters that are compared
FEWEST_WORDS = 2  # of a title that is a prefix of another one


def folded(text: str) -> str:
    """Return the text for comparison, with case and white space normalised."""
    return " ".join(text.casefold().split())


def is_word_cut(short: str, long: str) -> bool:
    """Return whether a title that begins with `short` goes on inside of a word."""
    return long[len(short) :][:1].isalnum() and units(long[len(short) - 1 : len(short) + 1]).count(" ") == 0


def near(left: str, right: str) -> bool:
    """Return whether one title begins with the other (such as a title with its edition), or 85 % of their characters match."""
    left, right = folded(left)[:LONGEST], folded(right)[:LONGEST]
    short, long = sorted((left, right), key=len)
    if count_words(short, FEWEST_WORDS) >= FEWEST_WORDS and long.startswith(short) and not is_word_cut(short, long):
        return True
    matcher = SequenceMatcher(None, left, right, autojunk=False)
    return (
        matcher.real_quick_ratio() >= SIMILARITY
        and matcher.quick_ratio() >= SIMILARITY
        and matcher.ratio() >= SIMILARITY
    )
