"""Refuse a training on a CPU whose forward pass would take more than the machine's memory, before the machine swaps."""

import os
from math import ceil
from pathlib import Path

from titlecraft.errors import UserError
from titlecraft.settings import Recipe
from training.data.examples import Encoded
from training.planning.fit import MemoryBudget, free_memory, gb
from training.planning.memory import estimate_memory

OF_CONTAINER = Path("/sys/fs/cgroup/memory.max")  # Linux control groups, version 2


def host_memory() -> int:
    """Bytes of this machine's memory, or of its container's limit if that is less."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = OF_CONTAINER.read_text().strip() if OF_CONTAINER.is_file() else "max"
    return min(machine, int(limit)) if limit.isdigit() else machine


def require_host_memory(recipe: Recipe, encoded: Encoded) -> None:
    """Raises UserError if a forward pass of this recipe takes more than the machine's memory. No-op with a GPU.

    Counts examples of mean length: the estimate is a lower bound, so nothing that fits is refused.
    """
    if free_memory() is not None:
        return
    training, lengths, memory = recipe.training, encoded.examples.lengths, host_memory()
    length = encoded.longest if training.packing else float(lengths.mean())
    items = max(1, ceil(float(lengths.sum()) / length))
    budget = MemoryBudget(encoded.config, recipe.lora, training, recipe.base)

    def needs(batch: int) -> int:
        tokens = max(1, round(batch * length))
        return estimate_memory(budget.config, budget.lora, training, budget.base, tokens=tokens).total

    batch = min(training.batch_size, items)
    if needs(batch) <= memory:
        return
    smaller = batch
    while smaller > 1 and needs(smaller) > memory / 2:
        smaller //= 2
    noun = "packed rows" if training.packing else "examples"
    accumulation = ceil(batch * training.accumulation / smaller)
    raise UserError(
        f"a forward pass of training.batch_size {training.batch_size:,} takes {batch:,} {noun} and an estimated {gb(needs(batch))} of "
        f"memory, and this machine has {gb(memory)}: set --training.batch_size={smaller} --training.accumulation={accumulation}"
    )
