"""What a measure may need of a text's script, and the share of a text that may lack it.

There is no language detection: Unicode's own properties (package `regex`) tell letters, marks, digits and sentence ends apart, and
white space separates words. Each measure names its needs in its Entry; `evaluation.measures.coverage` applies them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import regex

from evaluation.measures.sentences import PUNCTUATION, sentences

# scripts that are written without spaces between words
UNSPACED = (
    "Han", "Hiragana", "Katakana", "Bopomofo", "Yi", "Tangut", "Nushu", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan",
    "Tai_Le", "New_Tai_Lue", "Tai_Tham", "Tai_Viet", "Javanese", "Balinese",
)  # fmt: skip
LETTER = regex.compile(r"\p{L}")
OF_UNSPACED = "".join(rf"\p{{Script={name}}}" for name in UNSPACED)
UNSPACED_LETTER = regex.compile(rf"[\p{{L}}&&[{OF_UNSPACED}]]", regex.V1)
NOT_LATIN = regex.compile(r"[\p{L}--\p{Script=Latin}]", regex.V1)
ACCENTED = regex.compile(r"[\p{Script=Latin}--[a-zA-Zªº]]|\p{Script=Latin}\p{M}", regex.V1)
# a letter of a script without capitals; Georgian has them and begins no name with one
CASELESS = regex.compile(r"[[\p{Lo}--\p{Script=Latin}][\p{L}&&\p{Script=Georgian}]]", regex.V1)
MARKED = regex.compile(r"\p{L}[\p{M}\u200c\u200d]")  # Python's \w knows no marks and no joiners: a word breaks there
SENTENCE_END = regex.compile(r"[\p{Sentence_Terminal}…]")
KNOWN_END = regex.compile(r"[.!?…]")
DIGIT = regex.compile(r"\p{Nd}")
ASCII_DIGIT = regex.compile(r"[0-9]")


@dataclass(frozen=True)
class Need:
    """Something that a measure relies on.

    Args:
        name: how records call it.
        lacking: what is so of texts that do not have it, in words that follow "texts".
        count: of one text, how much of it the measure cannot read, and of how much.
        most: largest share that a text may have and still be read.
        waived: where the references of the whole sample, taken together, have at most this share, every text is read: a
            rare "café" is no reason to leave an English title out. 0 never waives.
    """

    name: str
    lacking: str
    count: Callable[[str], tuple[int, int]]
    most: float = 0.05
    waived: float = 0.0


def share_of(some: "regex.Pattern[str]", all_of: "regex.Pattern[str]") -> Callable[[str], tuple[int, int]]:
    """Counts of one kind of sign among another."""

    def count(text: str) -> tuple[int, int]:
        whole = len(all_of.findall(text))
        return (len(some.findall(text)), whole) if whole else (0, 0)

    return count


def words_with(sign: "regex.Pattern[str]") -> Callable[[str], tuple[int, int]]:
    """Counts of words, between white space, that hold such a sign, among those with a letter."""

    def count(text: str) -> tuple[int, int]:
        words = [word for word in text.split() if LETTER.search(word)]
        return (0, len(words)) if text.isascii() else (sum(bool(sign.search(word)) for word in words), len(words))

    return count


def other_sentence_ends(text: str) -> tuple[int, int]:
    """Ends of sentences that `evaluation.measures.sentences` does not know, among all."""
    whole = len(SENTENCE_END.findall(text))
    return whole - len(KNOWN_END.findall(text)), whole


def other_digits(text: str) -> tuple[int, int]:
    """Decimal digits other than 0 to 9, among all: ٣ and 3 would be two numbers."""
    whole = len(DIGIT.findall(text))
    return whole - len(ASCII_DIGIT.findall(text)), whole


def lone_capitals(text: str) -> tuple[int, int]:
    """Words with a capital between words without one, among the words of sentences, their first ones apart.

    Where nouns are capitalised (German) they are a quarter of the words and more, in English text about 3 %: names come in
    runs ("John Smith"), and so do the words of a heading.
    """
    lone = whole = 0
    for sentence in sentences(text):
        words = [token.strip(PUNCTUATION) for token in sentence.split()]
        capital = [len(word) > 1 and word[0].isupper() for word in words]
        for place in range(1, len(words)):
            if words[place][:1].isalpha():
                whole += 1
                beside = capital[place - 1] or (place + 1 < len(words) and capital[place + 1])
                lone += capital[place] and not beside and not words[place].isupper()
    return lone, whole


SPACES = Need("spaces", "without spaces between words", share_of(UNSPACED_LETTER, LETTER))
MARKS = Need("marks", "whose words hold combining marks or joiners", words_with(MARKED), waived=0.01)
LATIN = Need("latin", "in letters that are not Latin", share_of(NOT_LATIN, LETTER))
ACCENTS = Need("accents", "in Latin letters other than a to z", words_with(ACCENTED), waived=0.01)
SENTENCES = Need("sentences", "whose sentences do not end in . ! ? or …", other_sentence_ends)
DIGITS = Need("digits", "with digits other than 0 to 9", other_digits)
CAPITALS = Need("capitals", "in a script without capitals", share_of(CASELESS, LETTER))
NOUNS = Need("nouns", "that capitalise nouns", lone_capitals, most=0.15, waived=0.08)

MOSTLY_LATIN = Need("mostly latin", "mostly in letters that are not Latin", share_of(NOT_LATIN, LETTER), most=0.5)

ALL_NEEDS = {need.name: need for need in (SPACES, MARKS, LATIN, ACCENTS, SENTENCES, DIGITS, CAPITALS, NOUNS)}


@lru_cache(maxsize=1 << 16)
def counted(need: Need, text: str) -> tuple[int, int]:
    """A need's counts of one text, each made once."""
    return need.count(text)


def has(need: Need, text: str) -> bool:
    """Whether a text, taken alone, has what a measure relies on; a text of nothing has it."""
    lacking, whole = counted(need, text)
    return lacking <= need.most * whole
