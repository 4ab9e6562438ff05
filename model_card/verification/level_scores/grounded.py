"""Level scores, grounded arm: retrieves the rows of the training split for each prompt again from the pinned dataset."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from evaluation.titles.draw import Title
from evaluation.titles.grounded import CANDIDATES, SPLIT, gives_away
from model_card.verification.level_scores.titles import evaluated_training
from model_card.verification.lines.checks import Checks
from model_card.verification.lines.columns import column_equal
from model_card.verification.lines.line import Line
from titlecraft.grounded_prompt import FEWEST_CHARACTERS, SOURCE_CHARACTERS, grounded_input
from titlecraft.models.adapter.read import prompt_of
from titlecraft.prompt import PromptFormat
from titlecraft.records import EvaluationRecord, Grounded
from titlecraft.rows.index import index_of_rows


def check_grounded(
    checks: Checks, record: EvaluationRecord, rows: list[dict[str, Any]], titles: list[Title]
) -> Iterator[Line]:
    """The sources and prompts of every title, and the record's counts of them. No lines if the report has no grounded arm."""
    if record.grounded is not None:
        training = evaluated_training(record)
        index, prompt = index_of_rows(record.dataset, training.row_settings), prompt_of(training)
        yield from check_published_sources(checks, record.grounded, rows, titles, index, prompt)


def check_published_sources(
    checks: Checks,
    grounded: Grounded,
    rows: list[dict[str, Any]],
    titles: list[Title],
    index: Any,
    prompt: PromptFormat,
) -> Iterator[Line]:
    """The same with a given index of the dataset's rows (evaluation.titles.grounded.Rows) and its prompt format."""
    left_out, sources, prompts = 0, [], []
    for row, title in zip(rows, titles, strict=True):
        candidates = index.search(title.title, CANDIDATES, (SPLIT,))
        kept = [source for source in candidates if not gives_away(source, title)][: len(row["grounded_sources"])]
        left_out += sum(gives_away(source, title) for source in candidates)
        sources.append([source.uid for source in kept])
        possible = possible_prompts(replace(prompt, instruction=title.instruction), title.input, kept)
        prompts.append(row["grounded_prompt"] if row["grounded_prompt"] in possible else possible[0])
    published = [list(row["grounded_sources"]) for row in rows]
    yield checks.equal("grounded: split of the sources", grounded.split, SPLIT)
    yield checks.equal("grounded: titles with sources", grounded.titles, sum(map(bool, published)))
    yield checks.equal("grounded: sources", grounded.sources, sum(map(len, published)))
    yield checks.equal("grounded: rows left out", grounded.left_out, left_out)
    yield column_equal(checks, "grounded_sources of every title", published, sources)
    claimed = [row["grounded_prompt"] for row in rows]
    yield column_equal(checks, "grounded_prompt of every title", claimed, prompts)


def possible_prompts(prompt: PromptFormat, question: str, sources: list[Any]) -> list[str]:
    """The prompts with these sources, each text in full or halved until it fits; see titlecraft.grounded_prompt."""
    if not sources:
        return [prompt.render(prompt.instruction, question)]
    lengths = [SOURCE_CHARACTERS]
    while lengths[-1] // 2 >= FEWEST_CHARACTERS:
        lengths.append(lengths[-1] // 2)
    return [prompt.render(prompt.instruction, grounded_input(question, sources, length)) for length in lengths]
