"""Detects descriptions that are mostly quoted praise: `'Superb, vintage Christie' Sunday Express`.

The rule: at least half of the letters stand in quotation marks, and the text opens with a quotation, with stars, or with a heading
such as "Praise for …:". Behind an opening quotation stand a word with a capital letter, a dash or a bracket, as in the name of its
author; a dialogue goes on in small letters.
"""

import re

QUOTED = re.compile(
    r"“[^“”]+(?:”|\Z)|\"[^\"]+(?:\"|\Z)|‘[^‘]+?(?:’(?!\w)|\Z)|(?:(?<!\w)|(?<=[a-z.!?])(?='[A-Z]))'[^\n]+?(?:'(?![a-z])|\Z)"
)
HEADING = re.compile(
    r"\W*(?:(?:Critical|International|Early|Advance|More) )?(?:Praise|Acclaim|Reviews?|Quotes?)\b[^\n“\"]{0,120}?"
    r"(?:[:–—-]|(?=[“\"‘'](?!s\b)))",
    re.IGNORECASE,
)
STARS = re.compile(r"[*★\s]+")
NAMED = re.compile(r"[\s.,–—:;-]*(?:[–—(\[]|-{1,2}|[A-Z])")
SHARE = 0.5


def is_praise(title: str, content: str) -> bool:
    """Return whether a description is mostly quoted praise."""
    if not (opening := opening_passage(content)):
        return False
    quoted = sum(len(passage[0]) for passage in QUOTED.finditer(content, opening.start()))
    return quoted >= SHARE * len(content)


def opening_passage(content: str) -> "re.Match[str] | None":
    """Return the quotation that a text opens with, after a heading or stars; None if it opens otherwise."""
    heading = HEADING.match(content)
    if heading and (opening := QUOTED.search(content, heading.end())) and opening.start() <= heading.end() + 40:
        return opening
    stars = STARS.match(content)
    opening = QUOTED.match(content, stars.end() if stars else 0)
    return opening if opening and NAMED.match(content, opening.end()) else None
