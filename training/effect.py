"""Loss on a few rows of the validation split, with the trained adapter and without it.

This is not the evaluation, which uses the test split and reports intervals. It detects an adapter that changes nothing or ruins
the base before it is published. It runs after the last step, in eval mode, and uses none of torch's random generators, so it
does not change the training.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.dataset as arrow
import torch

from titlecraft.errors import UserError
from titlecraft.hub.pins import download
from titlecraft.models.loss.answer_nll import plain_nll
from titlecraft.prompt import PromptFormat, encode_completions, encode_prompts
from titlecraft.records import Effect, Pin, RowSettings
from titlecraft.rows.folder import rows_folder
from training.data.inputs import COLUMNS
from training.data.long_answers import fit

SPLIT = "validation"
MOST_ROWS = 32


def draw_rows(data: Pin, seed: int, rows: RowSettings | None = None) -> list[dict[str, str]]:
    """At most MOST_ROWS random rows of the validation split, in the split's order; an empty list if there is no such split."""
    folder = download(data, [f"data/{SPLIT}-*.parquet"]) if rows is None else rows_folder(data, rows)
    files = sorted(Path(folder, "data").glob(f"{SPLIT}-*.parquet"))
    if not files:
        return []
    split = arrow.dataset([str(file) for file in files], format="parquet")
    count = split.count_rows()
    indices = np.sort(np.random.default_rng(seed).choice(count, min(count, MOST_ROWS), replace=False))
    return split.take(indices, columns=list(COLUMNS)).to_pylist()


def encode_held_out(
    rows: list[dict[str, str]], tokenizer: Any, prompt: PromptFormat, longest: int, long_answers: str
) -> list[tuple[list[int], list[int]]]:
    """(prompt, answer) token ids of the rows that fit, with long answers treated as in training."""
    prompts = encode_prompts(tokenizer, [prompt.render(row["instruction"], row["input"]) for row in rows], prompt)
    answers = encode_completions(tokenizer, [row["output"] for row in rows])
    fitted = [fit(question, answer, longest, long_answers) for question, answer in zip(prompts, answers, strict=True)]
    return [(question, answer) for question, answer in zip(prompts, fitted, strict=True) if answer]


def measure_effect(model: Any, pairs: list[tuple[list[int], list[int]]], changes_logits: bool) -> Effect:
    """NLL of the answers without the adapter and with it. With a sharded base, every rank has to call it.

    After an out-of-memory error nothing is measured. Raises UserError if an NLL is not finite.
    """
    tokens = sum(len(answer) for _, answer in pairs)
    model.eval()
    try:
        with model.disable_adapter():
            before = [plain_nll(model, *pair) for pair in pairs]
        after = [plain_nll(model, *pair) for pair in pairs]
    except torch.OutOfMemoryError as error:
        print(f"the effect on the {SPLIT} split is not measured: {str(error).splitlines()[0]}")
        tokens = 0
    if not tokens:
        return Effect(changes_logits=changes_logits)
    if not np.isfinite([*before, *after]).all():
        raise UserError(
            f"the trained adapter gives no finite likelihood for rows of the {SPLIT} split: set a lower "
            "--training.learning_rate or another --training.precision; nothing was published"
        )
    return Effect(
        changes_logits=changes_logits,
        split=SPLIT,
        rows=len(pairs),
        tokens=tokens,
        nll_base=round(sum(before) / tokens, 4),
        nll_adapter=round(sum(after) / tokens, 4),
    )


def print_effect(effect: Effect) -> None:
    """Print the measurement, with a warning in capitals if the adapter changes nothing or ruins the base."""
    if effect.nll_base is not None:
        worse = "; IT MAKES THE MODEL WORSE, and its card says so" if effect.ruins() else ""
        print(
            f"{effect.rows} rows of the {effect.split} split: {effect.nll_base:.4g} nats per answer token without the adapter, "
            f"{effect.nll_adapter:.4g} with it{worse}"
        )
    if not effect.changes_logits:
        print("THE ADAPTER DOES NOT CHANGE WHAT THE BASE SAYS, and its card says so")
