"""The rows that validate a training: a fixed random sample of the validation split, tokenised as for training."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as arrow

from titlecraft.hub.pins import download
from titlecraft.prompt import PromptFormat, encode_completions, encode_prompts
from titlecraft.records import Pin, RowSettings
from titlecraft.rows.folder import rows_folder
from training.data.inputs import COLUMNS
from training.data.long_answers import fit

SPLIT = "validation"
MOST_WITHOUT = 32  # rows of a training that does not validate, to measure its effect

Pair = tuple[list[int], list[int]]
"""Token ids of a prompt and of its answer."""


def validation_split(data: Pin, rows: RowSettings | None = None) -> arrow.Dataset | None:
    """The validation split of a dataset at its pin, or None if it has none. `rows` reads a dataset that no build published."""
    folder = download(data, [f"data/{SPLIT}-*.parquet"]) if rows is None else rows_folder(data, rows)
    files = sorted(Path(folder, "data").glob(f"{SPLIT}-*.parquet"))
    return arrow.dataset([str(file) for file in files], format="parquet") if files else None


def count_rows(data: Pin, rows: RowSettings | None = None) -> int:
    """Number of rows of the validation split; 0 if there is none."""
    split = validation_split(data, rows)
    return split.count_rows() if split else 0


def draw_rows(data: Pin, seed: int, most: int, row_settings: RowSettings | None = None) -> list[dict[str, str]]:
    """At most `most` random rows of the validation split, in random order; fewer rows are the first of more rows."""
    split = validation_split(data, row_settings)
    if split is None:
        return []
    indices = np.random.default_rng(seed).permutation(split.count_rows())[:most]
    ordered = np.sort(indices)
    rows = split.take(ordered, columns=list(COLUMNS)).to_pylist() if len(ordered) else []
    return [rows[position] for position in np.searchsorted(ordered, indices)]


def encode_held_out(
    rows: list[dict[str, str]], tokenizer: Any, prompt: PromptFormat, longest: int, long_answers: str
) -> list[Pair]:
    """(prompt, answer) token ids of the rows that fit, with long answers treated as in training."""
    prompts = encode_prompts(tokenizer, [prompt.render(row["instruction"], row["input"]) for row in rows], prompt)
    answers = encode_completions(tokenizer, [row["output"] for row in rows])
    fitted = [fit(question, answer, longest, long_answers) for question, answer in zip(prompts, answers, strict=True)]
    return [(question, answer) for question, answer in zip(prompts, fitted, strict=True) if answer]
