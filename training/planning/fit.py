"""Choose how to compute one optimizer step in the free memory of a GPU.

The result of training does not change: a step keeps its batch_size x accumulation examples (or packed rows), however they are
split into forward passes, and gradient checkpointing does not change a gradient.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from transformers import PretrainedConfig

from titlecraft.errors import UserError
from titlecraft.settings import Base, Lora, Training
from training.planning.memory import estimate_memory

ENOUGH_TOKENS = 16_384  # per forward pass: the largest that was measured, and enough to saturate an H200
MARGIN = 0.06  # share of the free memory that is not planned for: fragmentation, libraries, an estimate that is too low
LEAST_MARGIN = 500_000_000  # bytes
SHORTEST = 256  # tokens; an example shorter than this holds little more than the prompt


@dataclass(frozen=True)
class MemoryBudget:
    """A training and the GPU memory that it may take.

    Args:
        config: the base's transformers config.
        lora, training, base: sections of the recipe.
        free_bytes: free memory of the GPU before the base is loaded.
        longest: tokens of the longest example, or of a packed row; None takes base.max_length.
    """

    config: PretrainedConfig
    lora: Lora
    training: Training
    base: Base
    free_bytes: int = 0
    longest: int | None = None

    @property
    def length(self) -> int:
        """Tokens of the longest item."""
        return self.longest or self.base.max_length

    @property
    def usable(self) -> int:
        """Bytes that may be planned for."""
        return usable(self.free_bytes)

    def needs(self, training: Training | None = None, length: int | None = None) -> int:
        """Estimated peak memory in bytes, with other training settings or another length if they are given."""
        training, length = training or self.training, length or self.length
        tokens = training.batch_size * length
        return estimate_memory(self.config, self.lora, training, self.base, tokens=tokens).total


def usable(free: int) -> int:
    """The part of `free` bytes that a run is planned to take."""
    return round(free - max(free * MARGIN, LEAST_MARGIN))


def splits_of_step(training: Training, length: int) -> Iterator[Training]:
    """Every way to split a step into forward passes, without and with gradient checkpointing, fastest first."""
    step = training.batch_size * training.accumulation
    largest = max(training.batch_size, ENOUGH_TOKENS // length)
    sizes = [size for size in range(min(step, largest), 0, -1) if step % size == 0]
    for checkpointing in (False, True):
        for size in sizes:
            yield replace(training, batch_size=size, accumulation=step // size, gradient_checkpointing=checkpointing)


def choose_fit(budget: MemoryBudget) -> tuple[Training, str]:
    """The fastest settings that fit, and a sentence that gives the reason. Raises UserError if none fits."""
    free, too_large = gb(budget.free_bytes), ""
    way, needs = budget.training, 0
    for way in splits_of_step(budget.training, budget.length):
        needs = budget.needs(way)
        if needs <= budget.usable:
            return way, f"{free} of GPU memory free: {describe(way)}, an estimated {gb(needs)}{too_large}"
        too_large = f"; {describe(way)} would take {gb(needs)}"
    raise UserError(
        f"{budget.base.repo} does not fit into {free} of free GPU memory: {describe(way)} and base.max_length {budget.length} "
        f"take an estimated {gb(needs)}, with {gb(budget.free_bytes - budget.usable)} to spare; {shorter(budget, way)}"
    )


def fit_here(budget: MemoryBudget) -> tuple[Training, str | None]:
    """Settings for this machine's first GPU and a sentence about the choice; the settings unchanged without training.fit_memory.

    Reads the free memory itself, so it has to run before the base is loaded. Raises UserError if nothing fits.
    """
    if not budget.training.fit_memory:
        return budget.training, None
    free = free_memory()
    if free is None:
        note = "training.fit_memory: there is no GPU here, so batch and checkpointing stay as the recipe has them"
        return budget.training, note
    return choose_fit(replace(budget, free_bytes=free))


def shorter(budget: MemoryBudget, smallest: Training) -> str:
    """What to set if even the smallest way to compute a step does not fit: shorter examples, or another base."""
    length = budget.length
    while length // 2 >= SHORTEST:
        length //= 2
        needs = budget.needs(smallest, length)
        if needs <= budget.usable:
            recipe = ", or --recipe low-memory" if length >= 1024 else ""
            return f"--base.max_length={length} would fit ({gb(needs)}){recipe}"
    return f"nor would examples of {length} tokens: set a smaller base.repo, or use a GPU with more memory"


def next_smaller(budget: MemoryBudget) -> Training | None:
    """The fastest settings that fit and take at least a tenth less than the budget's, which ran out of memory; None without any.

    The estimate was too low for the budget's settings, so it is only used to compare settings with each other.
    """
    failed = budget.needs()
    for way in splits_of_step(budget.training, budget.length):
        if budget.needs(way) <= min(budget.usable, 0.9 * failed):
            return way
    return None


def what_fits(budget: MemoryBudget) -> str:
    """The message for a CUDA out-of-memory error: the settings that failed, and options that would fit.

    `budget.free_bytes` is all memory that this process can use, including that of the base.
    """
    failed = (
        f"the GPU's memory is full: {describe(budget.training)}, {budget.length} tokens each, an estimated "
        f"{gb(budget.needs())} of {gb(budget.free_bytes)}"
    )
    smaller = next_smaller(budget)
    if smaller is None:
        smallest = list(splits_of_step(budget.training, budget.length))[-1]
        return f"{failed}; {shorter(budget, smallest)}"
    names = ("batch_size", "accumulation", "gradient_checkpointing")
    options = " ".join(f"--training.{name}={str(getattr(smaller, name)).lower()}" for name in names)
    return f"{failed}; {options} would fit ({gb(budget.needs(smaller))}), with the same batch for each step"


def free_memory() -> int | None:
    """Free bytes of the first GPU, or None without a GPU."""
    return torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else None


def describe(training: Training) -> str:
    """Gradient checkpointing and batch, in words."""
    checkpointing = "checkpointing" if training.gradient_checkpointing else "no checkpointing"
    return f"{checkpointing}, batch {training.batch_size} × {training.accumulation}"


def gb(size: float) -> str:
    """Bytes as GB of 10**9, with one decimal."""
    return f"{size / 1e9:.1f} GB"
