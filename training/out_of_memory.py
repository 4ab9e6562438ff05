"""Handle a CUDA out-of-memory error: name settings that fit, or retry the same steps with them."""

import gc
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import torch

from titlecraft.errors import UserError
from titlecraft.settings import Recipe
from training.data.examples import Encoded
from training.planning import fit

T = TypeVar("T")


def within_memory(
    attempt: Callable[[Recipe, str | None], T], recipe: Recipe, note: str | None, encoded: Encoded, auto_batch: bool
) -> T:
    """Return what `attempt(recipe, note)` returns, after as many attempts as needed.

    Args:
        attempt: trains; `note` says what was chosen for the GPU's memory, for the record.
        auto_batch: after an out-of-memory error, retry with a smaller batch or with gradient checkpointing. Each optimizer
            step sees the same examples as before.

    Raises:
        UserError: out of memory, and no smaller setting fits or `auto_batch` is off.
    """
    while True:
        try:
            return attempt(recipe, note)
        except torch.OutOfMemoryError:
            if fit.free_memory() is None:  # there is no GPU whose memory could be read
                raise
        # after the except block: the exception references the failed attempt, and with it the model
        base = replace(recipe.base, max_length=encoded.longest, quantization=encoded.quantization)
        length = encoded.widest(recipe.training.packing)
        budget = fit.MemoryBudget(encoded.config, recipe.lora, recipe.training, base, available_memory(), length)
        smaller = fit.next_smaller(budget)
        if smaller is None or not auto_batch:
            hint = "" if smaller is None else "; --auto-batch takes that by itself"
            raise UserError(fit.what_fits(budget) + hint)
        change = f"{fit.describe(recipe.training)} ran out of GPU memory: {fit.describe(smaller)}"
        note = f"{note}; {change}" if note else change
        print(f"\n{change}, with the same examples in each step")
        recipe = replace(recipe, training=smaller)


def available_memory() -> int:
    """Bytes of the first GPU that this process can use, after unreferenced tensors have been freed."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    reserved = torch.cuda.memory_reserved() if torch.cuda.is_available() else 0
    return (fit.free_memory() or 0) + reserved
