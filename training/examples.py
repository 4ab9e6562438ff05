"""Rows -> token ids and labels. The label of a token is the token itself in the answer and in EOS, and -100 in the prompt."""

from dataclasses import dataclass
from typing import Any

from titlecraft.errors import UserError
from titlecraft.prompt import PromptFormat, encode_completions, encode_prompts

IGNORED = -100


@dataclass(frozen=True)
class Examples:
    """The training examples of one dataset under one tokenizer.

    Args:
        dataset: `datasets.Dataset` with columns input_ids and labels, lists of the same length.
        rows: for each example, which row of the split it was made from.
        truncated: how many answers were cut at the end to fit; those have no EOS.
        left_out: how many rows were left out because the prompt alone fills the length.
    """

    dataset: Any
    rows: list[int]
    truncated: int
    left_out: int


def encode_rows(
    rows: dict[str, list[str]], places: list[int], tokenizer: Any, prompt: PromptFormat, max_length: int
) -> dict[str, list[Any]]:
    """A batch of Alpaca rows as input_ids, labels, `row` (its place in the split), `truncated`; rows whose prompt alone fills `max_length` are not there."""
    texts = [
        prompt.render(instruction, input) for instruction, input in zip(rows["instruction"], rows["input"], strict=True)
    ]
    encoded: dict[str, list[Any]] = {"input_ids": [], "labels": [], "row": [], "truncated": []}
    for place, question, answer in zip(
        places, encode_prompts(tokenizer, texts), encode_completions(tokenizer, rows["output"]), strict=True
    ):
        if len(question) >= max_length:
            continue
        fits = answer[: max_length - len(question)]
        encoded["input_ids"].append(question + fits)
        encoded["labels"].append([IGNORED] * len(question) + fits)
        encoded["row"].append(place)
        encoded["truncated"].append(len(fits) < len(answer))
    return encoded


def encode_split(split: Any, tokenizer: Any, prompt: PromptFormat, max_length: int) -> Examples:
    """Encode a whole split, with a progress bar. Raises UserError where no row fits."""
    encoded = split.map(
        encode_rows,
        batched=True,
        with_indices=True,
        remove_columns=split.column_names,
        fn_kwargs={"tokenizer": tokenizer, "prompt": prompt, "max_length": max_length},
        desc="encoding the training split",
    )
    if not len(encoded):
        raise UserError(f"no prompt is shorter than base.max_length {max_length} tokens: set a longer one")
    truncated = sum(encoded["truncated"])
    dataset = encoded.select_columns(["input_ids", "labels"])
    return Examples(dataset, list(encoded["row"]), truncated, len(split) - len(encoded))
