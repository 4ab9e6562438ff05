"""What an answer could rest on: rows of the published dataset, whether the product is among them, and words without a source."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from evaluation.measures.detail import WORD, name_places, number_places, numbers, stop_words, supporting_words
from evaluation.measures.scripts import MARKS, SPACES, has
from playground.ask.question import Question
from titlecraft.search.row_index import FoundRow, RowIndex

SHOWN = 5  # rows
LETTERS_THEN_DIGITS = re.compile(r"[^\W\d_]\d")  # digits that are no number of their own, as in a model's name
TRAIN = "train"
Known = Literal["trained", "held out", "near", "none"]
Unsupported = Literal["number", "name", "word"]

SENTENCES: dict[Known, str] = {
    "trained": "This title is in the training data.",
    "held out": "This title is in the dataset, but not in the training data: only in the {splits} split.",
    "near": "No product of exactly this title is in the training data; near titles are below.",
    "none": "No such product in the training data.",
}


@dataclass(frozen=True)
class Sources:
    """Rows for one question, the best first. `known` says how well the training data knows its title."""

    rows: list[FoundRow]
    known: Known
    sentence: str

    @property
    def reference(self) -> FoundRow | None:
        """The row of the very title, whose text is the reference; None where there is none."""
        return next((row for row in self.rows if row.match == "exact"), None)


@dataclass(frozen=True)
class Mark:
    """A stretch [start, end) of an answer that stands in no source. Most numbers and names are facts; many words are not."""

    start: int
    end: int
    kind: Unsupported


def find_sources(index: RowIndex, question: Question) -> Sources:
    """The rows that an answer to this question could rest on."""
    rows = index.search(question.search, SHOWN)
    same = [row for row in rows if row.match == "exact"]
    if any(row.split == TRAIN for row in same):
        known: Known = "trained"
    elif same:
        known = "held out"
    elif any(row.match == "near" and row.split == TRAIN for row in rows):
        known = "near"
    else:
        known = "none"
    sentence = SENTENCES[known].format(splits=" and ".join(sorted({row.split for row in same})))
    if known == "none":
        sentence += " The rows below share words with it." if rows else " No row of the dataset shares a word with it."
    return Sources(rows, known, sentence)


def unsupported(answer: str, question: Question, rows: Iterable[FoundRow]) -> list[Mark]:
    """Numbers, names and other words with content that stand neither in the question nor in a row, in order.

    Numbers and names are those of the evaluation's measures, and numbers also words with digits behind letters (x200, 4x6).
    Marks never overlap: a name's words are marked as one. There are none where words cannot be told apart: in a script
    without spaces between them, or with marks inside them.
    """
    if not (has(SPACES, answer) and has(MARKS, answer)):
        return []
    texts = [question.typed, *(text for row in rows for text in (row.title, row.text))]
    known_numbers = {number for text in texts for number in numbers(text)}
    known_words = supporting_words(texts)
    marks = [Mark(start, end, "number") for number, start, end in number_places(answer) if number not in known_numbers]
    marks += [Mark(start, end, "name") for name, start, end in name_places(answer) if not known_words.issuperset(name)]
    taken = [*marks, *(Mark(start, end, "number") for _, start, end in number_places(answer))]
    for found in WORD.finditer(answer):
        word = found[0].casefold()
        if LETTERS_THEN_DIGITS.search(word) and word not in known_words:
            marks.append(Mark(found.start(), found.end(), "number"))
        if word in known_words or word in stop_words() or len(word) < 3 or any(c.isdigit() for c in word):
            continue
        if not any(found.start() < one.end and one.start < found.end() for one in taken):
            marks.append(Mark(found.start(), found.end(), "word"))
    return without_overlaps(marks)


def without_overlaps(marks: list[Mark]) -> list[Mark]:
    """The marks in order; of two that overlap the longer one."""
    kept: list[Mark] = []
    for mark in sorted(marks, key=lambda one: (one.start - one.end, one.start)):
        if all(mark.end <= one.start or one.end <= mark.start for one in kept):
            kept.append(mark)
    return sorted(kept, key=lambda one: one.start)


def pieces(answer: str, marks: Iterable[Mark]) -> list[tuple[str, Unsupported | None]]:
    """The answer cut at its marks: texts with the kind of their mark, or None."""
    found: list[tuple[str, Unsupported | None]] = []
    at = 0
    for mark in marks:
        found += [(answer[at : mark.start], None), (answer[mark.start : mark.end], mark.kind)]
        at = mark.end
    return [(text, kind) for text, kind in [*found, (answer[at:], None)] if text]
