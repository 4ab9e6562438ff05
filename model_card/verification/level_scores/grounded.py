"""Level scores, third arm: which rows of the training split stood in which prompt, found again in the pinned dataset."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from model_card.verification.level_scores.titles import all_equal, prompt_of
from model_card.verification.lines.checks import Checks, Line
from model_card.verification.repo_state import RepoState
from titlecraft.records import EvaluationRecord, Grounded


def verify_grounded(
    checks: Checks, state: RepoState, record: EvaluationRecord, rows: list[dict[str, Any]], titles: list[Any]
) -> Iterator[Line]:  # fmt: skip
    """Sources and prompts of every title, and the record's counts of them; nothing where the report has no third arm."""
    from titlecraft.search.row_index import open_row_index

    if record.grounded is not None:
        index, prompt = open_row_index(record.dataset), prompt_of(record.dataset)
        yield from of_sources(checks, record.grounded, rows, titles, index, prompt)


def of_sources(
    checks: Checks, grounded: Grounded, rows: list[dict[str, Any]], titles: list[Any], index: Any, prompt: Any
) -> Iterator[Line]:  # fmt: skip
    """The same, from an index of the dataset's rows (evaluation.titles.grounded.Rows) and its prompt."""
    from evaluation.titles.grounded import CANDIDATES, SPLIT, gives_away

    left_out, sources, rendered = 0, [], []
    for row, title in zip(rows, titles, strict=True):
        found = index.search(title.title, CANDIDATES, (SPLIT,))
        kept = [one for one in found if not gives_away(one, title)][: len(row["grounded_sources"])]
        left_out += sum(gives_away(one, title) for one in found)
        sources.append([one.uid for one in kept])
        texts = prompts_with(replace(prompt, instruction=title.instruction), title.input, kept)
        rendered.append(row["grounded_prompt"] if row["grounded_prompt"] in texts else texts[0])
    published = [list(row["grounded_sources"]) for row in rows]
    yield checks.equal("grounded: split of the sources", grounded.split, SPLIT)
    yield checks.equal("grounded: titles with sources", grounded.titles, sum(map(bool, published)))
    yield checks.equal("grounded: sources", grounded.sources, sum(map(len, published)))
    yield checks.equal("grounded: rows left out", grounded.left_out, left_out)
    yield all_equal(checks, "grounded_sources of every title", published, sources, 0.0, None)
    yield all_equal(checks, "grounded_prompt of every title", [row["grounded_prompt"] for row in rows], rendered, 0.0, None)  # fmt: skip


def prompts_with(prompt: Any, question: str, sources: list[Any]) -> list[str]:
    """The prompts that these sources can stand in, each text whole or halved until it fits; see titlecraft.grounded_prompt."""
    from titlecraft.grounded_prompt import FEWEST_CHARACTERS, SOURCE_CHARACTERS, grounded_input

    if not sources:
        return [prompt.render(prompt.instruction, question)]
    lengths = [SOURCE_CHARACTERS]
    while lengths[-1] // 2 >= FEWEST_CHARACTERS:
        lengths.append(lengths[-1] // 2)
    return [prompt.render(prompt.instruction, grounded_input(question, sources, length)) for length in lengths]
