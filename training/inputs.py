"""What a training reads of a published dataset: its prompt, and its training split, both at the pin."""

from typing import Any

from titlecraft.errors import UserError
from titlecraft.hub import download, hub_errors, read_file
from titlecraft.prompt import PROMPT_FILE, PromptFormat
from titlecraft.records import Pin


def read_prompt(data: Pin) -> tuple[PromptFormat, bytes]:
    """The dataset's prompt, and the bytes that it was published as. Raises UserError where it has none."""
    raw = read_file(data, PROMPT_FILE)
    if raw is None:
        raise UserError(f"dataset {data} has no {PROMPT_FILE}: expected a dataset that `titlecraft build` published")
    return PromptFormat.from_json(raw, f"{PROMPT_FILE} of {data}"), raw


def load_train_split(data: Pin) -> Any:
    """The training split, as a `datasets.Dataset`. Raises UserError."""
    from datasets import load_dataset

    download(data)
    with hub_errors(f"loading {data}", data.repo, data.type):
        return load_dataset(data.repo, revision=data.revision, split="train")
