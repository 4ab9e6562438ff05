"""The needs that a measure may have of a text's script, and the share of a text that may miss them.

There is no language detection: Unicode's own properties (package `regex`) tell letters, marks, digits and sentence ends apart, and
white space separates words. Each measure names its needs in its Entry; `evaluation.measures.coverage` applies them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import regex

from evaluation.measures.sentences import PUNCTUATION, sentences

# scripts that are written without spaces between words
UNSPACED = [
    "Han",
    "Hiragana",
    "Katakana",
    "Bopomofo",
    "Yi",
    "Tangut",
    "Nushu",
    "Thai",
    "Lao",
    "Khmer",
    "Myanmar",
    "Tibetan",
    "Tai_Le",
    "New_Tai_Lue",
    "Tai_Tham",
    "Tai_Viet",
    "Javanese",
    "Balinese",
]
LETTER = regex.compile(r"\p{L}")
OF_UNSPACED = "".join(rf"\p{{Script={name}}}" for name in UNSPACED)
UNSPACED_LETTER = regex.compile(rf"[\p{{L}}&&[{OF_UNSPACED}]]", regex.V1)
NOT_LATIN = regex.compile(r"[\p{L}--\p{Script=Latin}]", regex.V1)
ACCENTED = regex.compile(r"[\p{Script=Latin}--[a-zA-Zªº]]|\p{Script=Latin}\p{M}", regex.V1)
# a letter of a script without capitals; Georgian has capitals, but does not begin names with them
CASELESS = regex.compile(r"[[\p{Lo}--\p{Script=Latin}][\p{L}&&\p{Script=Georgian}]]", regex.V1)
# Python's \w matches no marks and no joiners, so that a word breaks there
MARKED = regex.compile(r"\p{L}[\p{M}\u200c\u200d]")
SENTENCE_END = regex.compile(r"[\p{Sentence_Terminal}…]")
KNOWN_END = regex.compile(r"[.!?…]")
DIGIT = regex.compile(r"\p{Nd}")
ASCII_DIGIT = regex.compile(r"[0-9]")


@dataclass(frozen=True)
class Need:
    """A property of a text's script that a measure relies on.

    Args:
        name: its name in records.
        lacking: describes texts that do not meet it, in words that follow "texts".
        count: text -> (number of characters, words or signs that the measure cannot read, number of all of them).
        max_share: largest unreadable share of a text that the measure still reads.
        waived: every text is read if the unreadable share of all references of the sample together is at most this, because
            a rare "café" must not exclude an English title. 0 never waives.
    """

    name: str
    lacking: str
    count: Callable[[str], tuple[int, int]]
    max_share: float = 0.05
    waived: float = 0.0


def share_of(part: "regex.Pattern[str]", all_characters: "regex.Pattern[str]") -> Callable[[str], tuple[int, int]]:
    """Return a function that counts, in a text, the matches of `part` and of `all_characters`."""

    def count(text: str) -> tuple[int, int]:
        total = len(all_characters.findall(text))
        return (len(part.findall(text)), total) if total else (0, 0)

    return count


def words_with(pattern: "regex.Pattern[str]") -> Callable[[str], tuple[int, int]]:
    """Return a function that counts, in a text, the words with a letter that match `pattern`, and all words with a letter."""

    def count(text: str) -> tuple[int, int]:
        words = [word for word in text.split() if LETTER.search(word)]
        return (0, len(words)) if text.isascii() else (sum(bool(pattern.search(word)) for word in words), len(words))

    return count


def other_sentence_ends(text: str) -> tuple[int, int]:
    """Number of sentence ends that `evaluation.measures.sentences` does not know, and of all sentence ends."""
    total = len(SENTENCE_END.findall(text))
    return total - len(KNOWN_END.findall(text)), total


def other_digits(text: str) -> tuple[int, int]:
    """Number of decimal digits other than 0 to 9, and of all decimal digits: ٣ and 3 would be two numbers."""
    total = len(DIGIT.findall(text))
    return total - len(ASCII_DIGIT.findall(text)), total


def lone_capitals(text: str) -> tuple[int, int]:
    """Number of capitalised words between words that are not, and of all words, without the first word of each sentence.

    In German, which capitalises nouns, they are a quarter of the words or more; in English about 3 %, because names
    ("John Smith") and headings have several capitalised words in a row.
    """
    lone = total = 0
    for sentence in sentences(text):
        words = [token.strip(PUNCTUATION) for token in sentence.split()]
        capitalised = [len(word) > 1 and word[0].isupper() for word in words]
        for index in range(1, len(words)):
            if words[index][:1].isalpha():
                total += 1
                has_neighbour = capitalised[index - 1] or (index + 1 < len(words) and capitalised[index + 1])
                lone += capitalised[index] and not has_neighbour and not words[index].isupper()
    return lone, total


SPACES = Need("spaces", "without spaces between words", share_of(UNSPACED_LETTER, LETTER))
MARKS = Need("marks", "whose words hold combining marks or joiners", words_with(MARKED), waived=0.01)
LATIN = Need("latin", "in letters that are not Latin", share_of(NOT_LATIN, LETTER))
ACCENTS = Need("accents", "in Latin letters other than a to z", words_with(ACCENTED), waived=0.01)
SENTENCES = Need("sentences", "whose sentences do not end in . ! ? or …", other_sentence_ends)
DIGITS = Need("digits", "with digits other than 0 to 9", other_digits)
CAPITALS = Need("capitals", "in a script without capitals", share_of(CASELESS, LETTER))
NOUNS = Need("nouns", "that capitalise nouns", lone_capitals, max_share=0.15, waived=0.08)

MOSTLY_LATIN = Need("mostly latin", "mostly in letters that are not Latin", share_of(NOT_LATIN, LETTER), max_share=0.5)

ALL_NEEDS = {need.name: need for need in (SPACES, MARKS, LATIN, ACCENTS, SENTENCES, DIGITS, CAPITALS, NOUNS)}


@lru_cache(maxsize=1 << 16)
def need_counts(need: Need, text: str) -> tuple[int, int]:
    """The counts of a need for one text (see Need.count), cached."""
    return need.count(text)


def meets(need: Need, text: str) -> bool:
    """Whether a single text meets a need; an empty text does."""
    unmet, total = need_counts(need, text)
    return unmet <= need.max_share * total
