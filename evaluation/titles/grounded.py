"""The third arm, where a recipe asks for it: the tuned model, with rows of the training split in its prompt.

A source that would give the answer away is left out and counted: the title's own row, a row of the same title, and a row that
shares more than a fifth of the reference's word 8-grams.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from msgspec import UNSET

from evaluation.measures.scripts import SPACES, has
from evaluation.titles.draw import Room, Title, beside_others
from titlecraft.grounded_prompt import SOURCES, grounded_prompt
from titlecraft.models.checks import require_check
from titlecraft.prompt import PromptFormat, encode_prompt
from titlecraft.records import Check, Grounded, Measure
from titlecraft.search.row_index import FoundRow
from titlecraft.search.title_match import folded
from titlecraft.search.word_ngrams import word_ngrams

SPLIT = "train"  # that sources come from
CANDIDATES = 4 * SOURCES  # rows that are looked at
N, SHARE = 8, 0.2  # words of an n-gram; share of the reference's n-grams


class Rows(Protocol):
    """What finds rows; `titlecraft.search.row_index.RowIndex` does."""

    def search(self, query: str, limit: int, splits: tuple[str, ...]) -> list[FoundRow]:
        """The best rows for a title."""
        ...


@dataclass(frozen=True)
class GroundedSample:
    """The sample's titles in its order, asked with sources.

    Args:
        titles: prompts with sources in them; references and their tokens are those of the sample.
        sources: the rows in each prompt.
        left_out: rows that were found and would have given an answer away.
    """

    titles: list[Title]
    sources: list[list[FoundRow]]
    left_out: int


def ngram_set(text: str) -> set[tuple[str, ...]]:
    """The word 8-grams of a text; of a shorter text all its words as one."""
    return set(word_ngrams(text, N)) or {tuple(text.casefold().split())}


def gives_away(source: FoundRow, title: Title) -> bool:
    """Whether a source is the title's own row, or a copy of it in title or text."""
    if source.uid == title.uid or folded(source.title) == folded(title.title):
        return True
    if folded(title.reference) in folded(source.text):
        return True
    reference = ngram_set(title.reference)
    return len(reference & ngram_set(source.text)) > SHARE * len(reference)


def ground(titles: Sequence[Title], rows: Rows, prompt: PromptFormat, tokenizer: Any, room: Room) -> GroundedSample:
    """The titles with what the training split says of them in their prompts, as much as leaves room to answer.

    There is room for the longest reference of the sample behind each prompt too, so that no reference is cut further.
    """
    needed = max(room.new_tokens, *(len(title.reference_tokens) for title in titles))
    asked: list[Title] = []
    sources: list[list[FoundRow]] = []
    left_out = 0
    for title in titles:
        found = rows.search(title.title, CANDIDATES, (SPLIT,))
        kept = [row for row in found if not gives_away(row, title)]
        left_out += len(found) - len(kept)
        text, count = grounded_prompt(
            replace(prompt, instruction=title.instruction),
            title.input,
            kept,
            lambda text: len(encode_prompt(tokenizer, text)) + needed <= room.context,
        )
        asked.append(replace(title, prompt=text, prompt_tokens=tuple(encode_prompt(tokenizer, text))))
        sources.append(kept[:count])
    return GroundedSample(beside_others(asked, tokenizer, room.context), sources, left_out)


def check_sources(titles: Sequence[Title], grounded: GroundedSample) -> list[Check]:
    """No source gives its answer away, and the same tokens are scored with and without sources. Raises UserError."""
    pairs = zip(titles, grounded.titles, grounded.sources, strict=True)
    away = same = 0
    for title, asked, sources in pairs:
        away += folded(title.reference) in folded(asked.prompt) or any(gives_away(row, title) for row in sources)
        same += title.reference_tokens == asked.reference_tokens
    return [
        require_check(
            "no source holds the answer, or stands under the same title",
            "0",
            str(away),
            not away,
            "please report it",
        ),
        require_check(
            "the same references are scored with and without sources",
            f"{len(titles)} equal references",
            "equal" if same == len(titles) else f"{same} equal",
            same == len(titles),
            "please report it",
        ),
    ]


def describe_grounded(grounded: GroundedSample, measures: list[Measure]) -> Grounded:
    """The third arm as the record has it."""
    counts = [len(rows) for rows in grounded.sources]
    unspaced = sum(not has(SPACES, title.reference) for title in grounded.titles)
    return Grounded(
        split=SPLIT,
        titles=sum(count > 0 for count in counts),
        sources=sum(counts),
        left_out=grounded.left_out,
        measures=measures,
        near_not_looked_for=unspaced or UNSET,
    )
