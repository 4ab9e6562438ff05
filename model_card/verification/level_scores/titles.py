"""Level scores, titles: the sample drawn again from the pinned dataset, with the pinned base's tokenizer."""

from collections.abc import Iterator
from typing import Any

from model_card.verification.lines.checks import Checks, Line
from model_card.verification.repo_state import RepoState
from titlecraft.hub.pins import download, read_file
from titlecraft.prompt import PROMPT_FILE, PromptFormat
from titlecraft.records import EvaluationRecord, Pin

DATA = ["data/*.parquet"]


def verify_titles(
    checks: Checks, state: RepoState, record: EvaluationRecord, rows: list[dict[str, Any]], titles: list[Any]
) -> Iterator[Line]:
    """Which titles were asked, with which prompts and references; what was drawn is appended to `titles`."""
    sample = draw_again(record)
    titles.extend(sample.titles)
    yield checks.equal("titles available", record.titles_available, sample.available)
    yield checks.equal("titles excluded", record.excluded, sample.excluded)
    yield checks.equal("references that were cut", record.references_cut, sample.cut())
    near = record.near_not_looked_for or 0
    yield checks.equal("descriptions whose near copies were not looked for", near, sample.near_not_looked_for)
    columns = {
        "uid": [title.uid for title in titles],
        "title": [title.title for title in titles],
        "prompt": [title.prompt for title in titles],
        "reference": [title.reference for title in titles],
        "reference_tokens": [len(title.reference_tokens) for title in titles],
    }
    for name, values in columns.items():
        yield all_equal(checks, f"{name} of every title", [row[name] for row in rows], values, 0.0, None)


def draw_again(record: EvaluationRecord) -> Any:
    """evaluation.titles.draw.Sample of a report's settings. Raises UserError where dataset or base do not allow it."""
    from evaluation.titles.draw import Room, draw
    from titlecraft.models.base.config import context_length, load_config
    from titlecraft.models.base.tokenizer import load_tokenizer

    tokenizer = load_tokenizer(record.base)
    context = context_length(load_config(record.base))
    longest = min(record.base_settings.max_length, context)
    room = Room(scored=longest, context=context, new_tokens=record.generation.max_new_tokens)
    settings = record.evaluation
    return draw(
        download(record.dataset, DATA), prompt_of(record.dataset), tokenizer, room, settings.titles, settings.seed,
        name=f"dataset {record.dataset}",
    )  # fmt: skip


def prompt_of(dataset: Pin) -> PromptFormat:
    """The prompt that the dataset holds."""
    raw = read_file(dataset, PROMPT_FILE)
    return PromptFormat.from_json(raw or b"", f"{PROMPT_FILE} of {dataset}")


def all_equal(
    checks: Checks, claim: str, claimed: list[Any], derived: list[Any], apart: float, note: str | None
) -> Line:
    """One line for a whole column; where it does not hold, the note names the first row."""
    count = len(claimed)
    wrong = [
        place for place, (one, other) in enumerate(zip(claimed, derived, strict=False))
        if one != other and not (isinstance(one, float) and isinstance(other, float) and abs(one - other) <= apart)
    ]  # fmt: skip
    limit = f"{apart:g}" if apart else "equal"
    if count != len(derived):
        return checks.line(claim, f"{count:,} values", f"{len(derived):,} values", False, limit)
    if wrong:
        first = wrong[0]
        said = f"row {first + 1}: {claimed[first]!r}, derived {derived[first]!r}"
        return checks.line(claim, f"{count:,} values", f"{len(wrong):,} are others", False, limit, said)
    return checks.line(claim, f"{count:,} values", "equal", True, limit, note)
