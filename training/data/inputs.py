"""What a training reads of a published dataset: its prompt, and its training split, both at the pin."""

import errno
from typing import Any

from titlecraft.errors import UserError
from titlecraft.hub.errors import first_line, hub_errors
from titlecraft.hub.pins import download, read_file
from titlecraft.prompt import PROMPT_FILE, PromptFormat
from titlecraft.records import Pin

COLUMNS = ("instruction", "input", "output")


def read_prompt(data: Pin) -> tuple[PromptFormat, bytes]:
    """The dataset's prompt, and the bytes that it was published as. Raises UserError where it has none."""
    raw = read_file(data, PROMPT_FILE)
    if raw is None:
        raise UserError(f"dataset {data} has no {PROMPT_FILE}: expected a dataset that `titlecraft build` published")
    return PromptFormat.from_json(raw, f"{PROMPT_FILE} of {data}"), raw


def load_train_split(data: Pin) -> Any:
    """The training split, as a `datasets.Dataset` with the columns of COLUMNS among its own. Raises UserError."""
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    download(data)
    expected = "expected a dataset that `titlecraft build` published"
    try:
        with hub_errors(f"loading {data}", data.repo, data.type):
            split = load_dataset(data.repo, revision=data.revision, split="train", trust_remote_code=False)
    except (
        ValueError,
        OSError,
        RuntimeError,
        DatasetsError,
    ) as error:  # no files, none of that split, files that are no tables, a script
        cause = error.__cause__ or error
        if isinstance(cause, OSError) and cause.errno == errno.ENOSPC:  # `datasets` wraps it
            raise cause from error
        raise UserError(
            f"dataset {data} has no training split that can be read ({first_line(cause)}): {expected}"
        ) from error
    if missing := [name for name in COLUMNS if name not in split.column_names]:
        raise UserError(f"the training split of {data} lacks {', '.join(missing)}: {expected}")
    return split
