"""Words of a text in any script, in one place for builder, evaluation and playground.

White space separates words. In scripts without spaces between words (Chinese, Japanese, Thai, …) each letter with its marks counts
as a word, as in sacrebleu's tokenizer `zh`, so that word n-grams are character n-grams there; a search index takes pairs of letters
(bigrams), as Lucene's CJKAnalyzer does. Texts of other scripts are split as if this module did not exist.
"""

import re
import unicodedata
from functools import cache
from itertools import islice, pairwise
from typing import Any

import pyarrow as pa
import pyarrow.compute
import regex

pc: Any = pyarrow.compute  # its functions are made when it is imported

UNSPACED = (
    "Han Hiragana Katakana Bopomofo Yi Tangut Nushu Thai Lao Khmer Myanmar Tibetan Tai_Le New_Tai_Lue Tai_Tham Tai_Viet "
    "Javanese Balinese"
)
"""Scripts that are written without spaces between words, by their Unicode names."""

OF_UNSPACED = "".join(rf"\p{{{name}}}" for name in UNSPACED.split()) + "\u30fc"  # the long vowel mark of both kana
FULL_WIDTH_SIGNS = "\u3000-\u3003\u3008-\u3011\u3014-\u301b\uff01-\uff0f\uff1a-\uff20\uff3b-\uff3d\uff5b-\uff65"
UNIT = rf"(?:[{OF_UNSPACED}]\p{{M}}*|[{FULL_WIDTH_SIGNS}])"
ANY_UNIT = regex.compile(UNIT)
RUN = regex.compile(rf"(?:[{OF_UNSPACED}]\p{{M}}*)+")
PASSAGE = re.compile("[\u02ea\u02eb\u0e00-\u1fff\u2e80-\U0010ffff][\u02ea\u02eb\u0300-\U0010ffff]*")
"""A passage outside of which there is no match of ANY_UNIT or RUN: it begins where these scripts lie, and marks may follow."""
LETTER_IN_RUN = regex.compile(rf"[{OF_UNSPACED}]\p{{M}}*")
WIDE = ("W", "F")


def units(text: str) -> str:
    """Return the text with a space on both sides of each letter of a script without spaces; other texts stay as they are."""
    if text.isascii():
        return text
    spaced = in_passages(ANY_UNIT, r" \g<0> ", text)
    return text if spaced == text else " ".join(spaced.split())


def in_passages(pattern: "regex.Pattern[str]", replacement: Any, text: str) -> str:
    """Return `pattern.sub(replacement, text)` for ANY_UNIT or RUN, whose scripts are slow to search for in all other letters."""
    return PASSAGE.sub(lambda passage: pattern.sub(replacement, passage[0]), text)


def units_of_all(texts: pa.Array) -> pa.Array:
    """Return `units` of each text, except that white space stays as it is."""
    if not pc.any(pc.match_substring_regex(texts, UNIT)).as_py():
        return texts
    return pc.replace_substring_regex(texts, pattern=f"({UNIT})", replacement=r" \1 ")


def count_words(text: str, enough: int) -> int:
    """Return the number of words of a cleaned text, each letter of a script without spaces a word; no more than `enough`."""
    spaces = text.count(" ") + text.count("\n")
    if spaces >= enough - 1 or text.isascii():
        return min(enough, spaces + bool(text))
    if sum(1 for _ in islice(ANY_UNIT.finditer(text), enough)) == enough:
        return enough
    return min(enough, len(units(text).split()))


def width(text: str) -> int:
    """Return the length of a text in columns: a letter that is wide in East Asian typography counts two (Unicode, UAX 11)."""
    if text.isascii():
        return len(text)
    return len(text) + sum(unicodedata.east_asian_width(letter) in WIDE for letter in text)


def bigrams(text: str) -> str:
    """Return the text with each run of letters of a script without spaces as pairs of neighbours: 不锈钢 -> 不锈 锈钢."""
    return text if text.isascii() else in_passages(RUN, pairs, text)


def pairs(run: "regex.Match[str]") -> str:
    """Return the pairs of neighbouring letters of a run, between spaces; a single letter stays."""
    letters = LETTER_IN_RUN.findall(run[0])
    neighbours = [left + right for left, right in pairwise(letters)]
    return f" {' '.join(neighbours or letters)} "


@cache
def marks() -> str:
    """Return Unicode's combining marks and the joiners, at which Python's `\\w` would end a word, for a set of a pattern."""
    ranges = ((0x300, 0x2000), (0x20D0, 0x20F1), (0x302A, 0x309B), (0xA66F, 0xAC00), (0xFE20, 0xFE30))
    found = [
        chr(code) for begin, end in ranges for code in range(begin, end) if unicodedata.category(chr(code))[0] == "M"
    ]
    return "".join(found) + "\u200c\u200d"


def search_words(texts: list[str]) -> Any:
    """Return bm25s' Tokenized of texts: words of two letters or more, in lower case, without English stop words."""
    from bm25s import tokenize

    return tokenize(
        [bigrams(text) for text in texts], token_pattern=word_pattern(texts), stopwords="en", show_progress=False
    )


def word_pattern(texts: list[str]) -> str:
    """Return the pattern of a word: bm25s' own, or the same with marks inside of words if a text has some."""
    own = r"(?u)\b\w\w+\b"
    others = {letter for text in texts if not text.isascii() for letter in text}
    return rf"(?u)(?:\w[{marks()}]*){{2,}}" if others.intersection(marks()) else own


def query_words(text: str) -> list[str]:
    """Return the distinct words of a text as a search index has them; see `search_words`."""
    from bm25s import tokenize

    words: Any = tokenize(
        [bigrams(text)], token_pattern=word_pattern([text]), stopwords="en", return_ids=False, show_progress=False
    )[0]
    return list(dict.fromkeys(words))
