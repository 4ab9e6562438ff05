"""The dataset rows that may support an answer, whether the dataset has the product, and the unsupported words of an answer."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from evaluation.measures.detail import WORD, name_spans, number_spans, numbers, stop_words, supporting_words
from evaluation.measures.scripts import MARKS, SPACES, meets
from playground.ask.question import Question
from titlecraft.search.row_index import FoundRow, RowIndex

SHOWN = 5  # rows
LETTERS_THEN_DIGITS = re.compile(r"[^\W\d_]\d")  # a word with digits, such as a model name
TRAIN = "train"
Known = Literal["trained", "held out", "near", "none"]
Unsupported = Literal["number", "name", "word"]

SENTENCES: dict[Known, str] = {
    "trained": "This title is in the training data.",
    "held out": "This title is in the dataset, but not in the training data: only in the {splits} split.",
    "near": "No product with exactly this title is in the training data; similar titles are below.",
    "none": "No such product in the training data.",
}


@dataclass(frozen=True)
class Sources:
    """The rows for one question, best match first. `known` says whether the training data have its title."""

    rows: list[FoundRow]
    known: Known
    sentence: str

    @property
    def reference(self) -> FoundRow | None:
        """The row with exactly this title, whose text is the reference; None without such a row."""
        return next((row for row in self.rows if row.match == "exact"), None)


@dataclass(frozen=True)
class Mark:
    """A span [start, end) of an answer that is in no source: a number, a name or another word."""

    start: int
    end: int
    kind: Unsupported


def find_sources(index: RowIndex, question: Question) -> Sources:
    """Search the rows that may support an answer to this question."""
    rows = index.search(question.search, SHOWN)
    same_title = [row for row in rows if row.match == "exact"]
    if any(row.split == TRAIN for row in same_title):
        known: Known = "trained"
    elif same_title:
        known = "held out"
    elif any(row.match == "near" and row.split == TRAIN for row in rows):
        known = "near"
    else:
        known = "none"
    sentence = SENTENCES[known].format(splits=" and ".join(sorted({row.split for row in same_title})))
    if known == "none":
        sentence += " The rows below share words with it." if rows else " No row of the dataset shares a word with it."
    return Sources(rows, known, sentence)


def unsupported(answer: str, question: Question, rows: Iterable[FoundRow]) -> list[Mark]:
    """The numbers, names and other content words of an answer that are neither in the question nor in a row, in order.

    Numbers and names are those of the evaluation's measures; words with digits after letters (x200, 4x6) count as numbers.
    Marks do not overlap: the words of a name are one mark. There are none for scripts that do not separate words by spaces,
    or that have combining marks inside words.
    """
    if not (meets(SPACES, answer) and meets(MARKS, answer)):
        return []
    texts = [question.typed, *(text for row in rows for text in (row.title, row.text))]
    known_numbers = {number for text in texts for number in numbers(text)}
    known_words = supporting_words(texts)
    marks = [Mark(start, end, "number") for number, start, end in number_spans(answer) if number not in known_numbers]
    marks += [Mark(start, end, "name") for name, start, end in name_spans(answer) if not known_words.issuperset(name)]
    covered = [*marks, *(Mark(start, end, "number") for _, start, end in number_spans(answer))]
    for match in WORD.finditer(answer):
        word = match[0].casefold()
        if LETTERS_THEN_DIGITS.search(word) and word not in known_words:
            marks.append(Mark(match.start(), match.end(), "number"))
        if word in known_words or word in stop_words() or len(word) < 3 or any(c.isdigit() for c in word):
            continue
        if not any(match.start() < mark.end and mark.start < match.end() for mark in covered):
            marks.append(Mark(match.start(), match.end(), "word"))
    return without_overlaps(marks)


def without_overlaps(marks: list[Mark]) -> list[Mark]:
    """The marks in order; of two that overlap, the longer one."""
    chosen: list[Mark] = []
    for mark in sorted(marks, key=lambda mark: (mark.start - mark.end, mark.start)):
        if all(mark.end <= earlier.start or earlier.end <= mark.start for earlier in chosen):
            chosen.append(mark)
    return sorted(chosen, key=lambda mark: mark.start)


def pieces(answer: str, marks: Iterable[Mark]) -> list[tuple[str, Unsupported | None]]:
    """The answer split at its marks: pieces of text, each with the kind of its mark or None."""
    spans: list[tuple[str, Unsupported | None]] = []
    position = 0
    for mark in marks:
        spans += [(answer[position : mark.start], None), (answer[mark.start : mark.end], mark.kind)]
        position = mark.end
    return [(text, kind) for text, kind in [*spans, (answer[position:], None)] if text]
