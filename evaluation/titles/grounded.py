"""The optional third arm: the tuned model with rows of the training split (sources) in its prompt.

A source that reveals the answer is left out and counted: the title's own row, a row with the same title, and a row that shares
more than a fifth of the reference's word 8-grams.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from msgspec import UNSET

from evaluation.measures.scripts import SPACES, meets
from evaluation.titles.draw import Title, TokenLimits, with_other_prompts
from titlecraft.grounded_prompt import SOURCES, grounded_prompt
from titlecraft.models.checks import require_check
from titlecraft.prompt import PromptFormat, encode_prompt
from titlecraft.records import Check, Grounded, Measure
from titlecraft.search.row_index import FoundRow
from titlecraft.search.title_match import folded
from titlecraft.search.word_ngrams import word_ngrams

SPLIT = "train"  # the split of the sources
CANDIDATES = 4 * SOURCES  # search results for each title
N, SHARE = 8, 0.2  # words of an n-gram; maximum share of the reference's n-grams


class Rows(Protocol):
    """A search index of rows, such as `titlecraft.search.row_index.RowIndex`."""

    def search(self, query: str, limit: int, splits: tuple[str, ...]) -> list[FoundRow]:
        """Return the best rows for a title."""
        ...


@dataclass(frozen=True)
class GroundedSample:
    """The sample's titles in the same order, with sources in their prompts.

    Args:
        titles: titles with the new prompts; references and their tokens are those of the sample.
        sources: the rows in each prompt.
        left_out: number of search results that would have revealed an answer.
    """

    titles: list[Title]
    sources: list[list[FoundRow]]
    left_out: int


def ngram_set(text: str) -> set[tuple[str, ...]]:
    """Return the word 8-grams of a text; a shorter text is one n-gram."""
    return set(word_ngrams(text, N)) or {tuple(text.casefold().split())}


def gives_away(source: FoundRow, title: Title) -> bool:
    """Return whether a source reveals the answer: it is the title's own row, or a copy of its title or text."""
    if source.uid == title.uid or folded(source.title) == folded(title.title):
        return True
    if folded(title.reference) in folded(source.text):
        return True
    reference = ngram_set(title.reference)
    return len(reference & ngram_set(source.text)) > SHARE * len(reference)


def ground(
    titles: Sequence[Title], rows: Rows, prompt: PromptFormat, tokenizer: Any, limits: TokenLimits
) -> GroundedSample:
    """Return the titles with sources of the training split in their prompts, as many as the model's context allows.

    Each prompt also leaves space for the longest reference of the sample, so that no reference is cut further.
    """
    needed = max(limits.new_tokens, *(len(title.reference_tokens) for title in titles))
    grounded_titles: list[Title] = []
    sources: list[list[FoundRow]] = []
    left_out = 0
    for title in titles:
        candidates = rows.search(title.title, CANDIDATES, (SPLIT,))
        kept = [row for row in candidates if not gives_away(row, title)]
        left_out += len(candidates) - len(kept)
        text, count = grounded_prompt(
            replace(prompt, instruction=title.instruction),
            title.input,
            kept,
            lambda text: len(encode_prompt(tokenizer, text, prompt)) + needed <= limits.context,
        )
        grounded_titles.append(replace(title, prompt=text, prompt_tokens=tuple(encode_prompt(tokenizer, text, prompt))))
        sources.append(kept[:count])
    return GroundedSample(with_other_prompts(grounded_titles, tokenizer, limits.context), sources, left_out)


def check_sources(titles: Sequence[Title], grounded: GroundedSample) -> list[Check]:
    """Check that no source reveals its answer, and that the same tokens are scored with and without sources."""
    triples = zip(titles, grounded.titles, grounded.sources, strict=True)
    revealed = same = 0
    for title, with_sources, sources in triples:
        in_prompt = folded(title.reference) in folded(with_sources.prompt)
        revealed += in_prompt or any(gives_away(row, title) for row in sources)
        same += title.reference_tokens == with_sources.reference_tokens
    return [
        require_check(
            "no source holds the answer, or stands under the same title",
            "0",
            str(revealed),
            not revealed,
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
    """Return the third arm as the record describes it."""
    counts = [len(rows) for rows in grounded.sources]
    unspaced = sum(not meets(SPACES, title.reference) for title in grounded.titles)
    return Grounded(
        split=SPLIT,
        titles=sum(count > 0 for count in counts),
        sources=sum(counts),
        left_out=grounded.left_out,
        measures=measures,
        near_not_looked_for=unspaced or UNSET,
    )
