"""What the trained adapter does to rows that it never saw: the likelihood of their answers with it and without, on a few of them.

Not the evaluation, which asks a split of its own and has intervals: this is there to tell an adapter that learned from one that
changes nothing or ruins the base, before it is published. It computes in eval mode, draws nothing from torch's generators and
comes after the last step, so that it changes nothing about the training.
"""

from pathlib import Path
from typing import Any

import numpy as np

from titlecraft.errors import UserError
from titlecraft.hub.pins import download
from titlecraft.models.loss.answer_nll import plain_nll
from titlecraft.prompt import PromptFormat, encode_completions, encode_prompts
from titlecraft.records import Effect, Pin
from training.data.inputs import COLUMNS

SPLIT = "validation"
MOST_ROWS = 32


def draw_rows(data: Pin, seed: int) -> list[dict[str, str]]:
    """At most MOST_ROWS rows of the validation split, drawn by `seed`, in the split's order; none where it has no such split."""
    import pyarrow.dataset as arrow

    files = sorted(Path(download(data, [f"data/{SPLIT}-*.parquet"]), "data").glob(f"{SPLIT}-*.parquet"))
    if not files:
        return []
    split = arrow.dataset([str(file) for file in files], format="parquet")
    rows = split.count_rows()
    places = np.sort(np.random.default_rng(seed).choice(rows, min(rows, MOST_ROWS), replace=False))
    return split.take(places, columns=list(COLUMNS)).to_pylist()


def encode_held_out(
    rows: list[dict[str, str]], tokenizer: Any, prompt: PromptFormat, longest: int
) -> list[tuple[list[int], list[int]]]:
    """(prompt, answer) token ids, as training encodes them; without those rows whose prompt leaves no room for an answer."""
    prompts = encode_prompts(tokenizer, [prompt.render(row["instruction"], row["input"]) for row in rows])
    answers = encode_completions(tokenizer, [row["output"] for row in rows])
    return [
        (asked, answer[: longest - len(asked)])
        for asked, answer in zip(prompts, answers, strict=True)
        if len(asked) < longest
    ]


def measure_effect(model: Any, pairs: list[tuple[list[int], list[int]]], changes_logits: bool) -> Effect:
    """NLL of the answers without the adapter and with it, by the same function. All processes of a shared-out base call it.

    A GPU whose memory is full leaves it not measured. Raises UserError where an NLL is no finite number.
    """
    import torch

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
        changes_logits=changes_logits, split=SPLIT, rows=len(pairs), tokens=tokens,
        nll_base=round(sum(before) / tokens, 4), nll_adapter=round(sum(after) / tokens, 4),
    )  # fmt: skip


def print_effect(effect: Effect) -> None:
    """Print what was measured; loudly where it is bad."""
    if effect.nll_base is not None:
        worse = "; IT MAKES THE MODEL WORSE, and its card says so" if effect.ruins() else ""
        print(
            f"{effect.rows} rows of the {effect.split} split: {effect.nll_base:.4g} nats per answer token without the adapter, "
            f"{effect.nll_adapter:.4g} with it{worse}"
        )
    if not effect.changes_logits:
        print("THE ADAPTER DOES NOT CHANGE WHAT THE BASE SAYS, and its card says so")
