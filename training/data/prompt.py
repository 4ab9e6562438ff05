"""Read the prompt of a published dataset at its pin."""

from titlecraft.errors import UserError
from titlecraft.hub.pins import read_file
from titlecraft.prompt import PromptFormat
from titlecraft.records import Pin
from titlecraft.records.repo_files import PROMPT_FILE


def read_prompt(data: Pin) -> tuple[PromptFormat, bytes]:
    """The dataset's prompt, parsed and as published bytes. Raises UserError if the dataset has none."""
    raw = read_file(data, PROMPT_FILE)
    if raw is None:
        raise UserError(f"dataset {data} has no {PROMPT_FILE}: expected a dataset that `titlecraft build` published")
    return PromptFormat.from_json(raw, f"{PROMPT_FILE} of {data}"), raw
