"""Repairs text that was decoded with the wrong encoding (ftfy), and tells quickly which texts cannot be such text.

ftfy looks for its signs at every letter of a text. A sign is a few letters of which one is rare, or an accented small letter beside a
quotation mark: so only the letters around these are searched, with the same result in a small part of the time.
"""

import re
from functools import lru_cache

from ftfy import TextFixerConfig, fix_encoding
from ftfy.badness import BADNESS_RE, MOJIBAKE_CATEGORIES

BEYOND_PUNCTUATION = re.compile("[^\x00-\x7f‘’“”–—…€™•]")
REACH = 8  # a sign has fewer letters
QUOTES = "‘“”™•"  # of ftfy's start_punctuation and end_punctuation, and common in texts that are right
RARE = "".join(
    MOJIBAKE_CATEGORIES[name]
    for name in (
        "c1",
        "bad",
        "law",
        "currency",
        "start_punctuation",
        "end_punctuation",
        "numeric",
        "upper_accented",
        "box",
    )
).translate(dict.fromkeys(map(ord, QUOTES)))
SMALL = MOJIBAKE_CATEGORIES["lower_accented"]
RARE += "ŒœØÙЂВГРСΒΓΞΟ"
SUSPECTS = re.compile(  # begins with one set of letters, which is what `re` finds fastest
    f"[{RARE}{SMALL}”™](?:(?<=[{RARE}])|(?<=[{SMALL}])(?=[{QUOTES}])|(?<=[”™])(?=[{SMALL}]))"
)
BEGINS_SIGN = re.compile(f"[{RARE}{SMALL}]")  # one of these is in every sign
ONLY_ENCODING = TextFixerConfig(unescape_html=False, fix_c1_controls=False)


@lru_cache(maxsize=4)
def may_be_mojibake(text: str) -> bool:
    """Return whether ftfy suspects a wrong encoding; quickly False for texts with quotes and dashes as their only other signs."""
    if text.isascii() or not BEYOND_PUNCTUATION.search(text):
        return False
    return any(
        BADNESS_RE.search(text, max(0, found.start() - REACH), found.end() + REACH) for found in SUSPECTS.finditer(text)
    )


def repair_mojibake(text: str) -> str:
    """Repair text that was decoded with the wrong encoding, `Itâ€™s` -> `It’s`, where ftfy is sure of it."""
    return fix_encoding(text, ONLY_ENCODING) if may_be_mojibake(text) else text
