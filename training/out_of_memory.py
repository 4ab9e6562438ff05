"""A GPU whose memory is full: one message with what would fit, or the same steps again, cut smaller."""

import gc
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from titlecraft.errors import UserError
from titlecraft.settings import Recipe
from training.data.examples import Encoded
from training.planning import fit

T = TypeVar("T")


def within_memory(
    attempt: Callable[[Recipe, str | None], T], recipe: Recipe, note: str | None, encoded: Encoded, auto_batch: bool
) -> T:
    """What `attempt(recipe, note)` returns, after as many tries as it takes.

    Args:
        attempt: trains; `note` says for the record what was chosen by the GPU's memory.
        auto_batch: cut the batch of a step smaller, or recompute activations, where the memory was full. Each step sees the
            same examples.

    Raises:
        UserError: the memory was full, and nothing smaller fits or was asked for.
    """
    import torch

    while True:
        try:
            return attempt(recipe, note)
        except torch.OutOfMemoryError:
            if fit.free_memory() is None:  # no GPU that could be asked
                raise
        # not before here: the exception has held the failed attempt, with the model and all
        room = room_for_this_process()
        base = replace(recipe.base, max_length=encoded.longest, quantization=encoded.quantization)
        about = encoded.config, recipe.lora, recipe.training, base, room
        length = encoded.widest(recipe.training.packing)
        smaller = fit.next_smaller(*about, longest=length)
        if smaller is None or not auto_batch:
            again = "" if smaller is None else "; --auto-batch takes that by itself"
            raise UserError(fit.what_fits(*about, longest=length) + again)
        said = f"{fit.describe(recipe.training)} ran out of GPU memory: {fit.describe(smaller)}"
        note = f"{note}; {said}" if note else said
        print(f"\n{said}, with the same examples in each step")
        recipe = replace(recipe, training=smaller)


def room_for_this_process() -> int:
    """Bytes of the first GPU that are free or would be, after everything that nobody refers to has been given back."""
    import torch

    gc.collect()
    if not torch.cuda.is_available():
        return fit.free_memory()
    torch.cuda.empty_cache()
    return fit.free_memory() + torch.cuda.memory_reserved()
