"""The prompt of an adapter of a dataset: the dataset's published wording, in the format of the recipe."""

from typing import Any

from titlecraft.errors import UserError
from titlecraft.hub.pins import read_file
from titlecraft.prompt import PromptFormat
from titlecraft.records import Pin, ReadRows, TrainedPrompt
from titlecraft.records.repo_files import PROMPT_FILE
from titlecraft.rows.wording import prompt_of_rows


def read_prompt(data: Pin) -> tuple[PromptFormat, bytes]:
    """The dataset's prompt, parsed and as published bytes. Raises UserError if the dataset has none."""
    raw = read_file(data, PROMPT_FILE)
    if raw is None:
        raise UserError(f"dataset {data} has no {PROMPT_FILE}: expected a dataset that `titlecraft build` published")
    return PromptFormat.from_json(raw, f"{PROMPT_FILE} of {data}"), raw


def prompt_for(
    data: Pin, base: Pin, setting: Any, rows: ReadRows | None = None, tokenizer: Any = None
) -> tuple[TrainedPrompt, bytes]:
    """The prompt that an adapter of this base is trained on with this prompt.format, and the bytes of its prompt.json.

    Args:
        rows: how the rows of a dataset were read that Titlecraft did not build; it has no prompt.json.
        tokenizer: that of the base; None loads it.

    Raises UserError.
    """
    from titlecraft.models.base.chat_template import trained_prompt
    from titlecraft.models.base.tokenizer import load_tokenizer

    wording, raw = read_prompt(data) if rows is None else (prompt_of_rows(rows), b"")
    trained = trained_prompt(wording, setting, load_tokenizer(base) if tokenizer is None else tokenizer, base)
    return trained, raw if raw and trained.prompt == wording else trained.prompt.to_json()
