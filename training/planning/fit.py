"""The fastest way through one optimizer step that a GPU's free memory holds. What is learned stays the same: the batch of a
step is batch_size x accumulation examples (or packed rows), however it is cut, and checkpointing changes no gradient.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from titlecraft.errors import UserError
from titlecraft.settings import Base, Lora, Training
from training.planning.memory import estimate_memory

ENOUGH_TOKENS = 16_384  # of one forward pass; the most that was measured, and plenty to fill an H200
MARGIN, LEAST_MARGIN = (
    0.06,
    500_000_000,
)  # free memory that is left alone: fragments, libraries, an estimate that is off
SHORTEST = 256  # an example of fewer tokens holds little more than the prompt


def usable(free: int) -> int:
    """What of `free` bytes a run is planned to take."""
    return round(free - max(free * MARGIN, LEAST_MARGIN))


def ways(training: Training, length: int) -> Iterator[Training]:
    """Every way to cut the batch of a step, with and without checkpointing, fastest first."""
    whole = training.batch_size * training.accumulation
    most = max(training.batch_size, ENOUGH_TOKENS // length)
    sizes = [size for size in range(min(whole, most), 0, -1) if whole % size == 0]
    for checkpointing in (False, True):
        for size in sizes:
            yield replace(training, batch_size=size, accumulation=whole // size, gradient_checkpointing=checkpointing)


def choose_fit(
    config: Any, lora: Lora, training: Training, base: Base, free_bytes: int, *, longest: int | None = None
) -> tuple[Training, str]:
    """The fastest settings that fit, and a sentence that says which and why. Raises UserError where none does.

    Args:
        config: of the base, from transformers.
        free_bytes: of the GPU, before the base is loaded.
        longest: tokens of the longest example, or of a packed row; unset takes base.max_length.
    """
    length = longest or base.max_length
    refused: tuple[Training, int] | None = None
    for way in ways(training, length):
        needs = estimate_memory(config, lora, way, base, tokens=way.batch_size * length).total
        if needs <= usable(free_bytes):
            said = f"{gb(free_bytes)} of GPU memory free: {describe(way)}, an estimated {gb(needs)}"
            return way, said + (f"; {describe(refused[0])} would take {gb(refused[1])}" if refused else "")
        refused = (way, needs)
    way, needs = refused
    raise UserError(
        f"{base.repo} does not fit into {gb(free_bytes)} of free GPU memory: {describe(way)} and base.max_length {length} "
        f"take an estimated {gb(needs)}, with {gb(free_bytes - usable(free_bytes))} to spare; "
        + shorter(config, lora, way, base, free_bytes, length)
    )


def fit_here(
    config: Any, lora: Lora, training: Training, base: Base, longest: int | None = None
) -> tuple[Training, str | None]:
    """What a recipe with training.fit_memory comes to on this machine's first GPU, and a sentence about it, if there is one.

    Call it before the base is loaded. Any other recipe stays as it is. Raises UserError where nothing fits.
    """
    if not training.fit_memory:
        return training, None
    free = free_memory()
    if free is None:
        return (
            training,
            "training.fit_memory: there is no GPU here, so batch and checkpointing stay as the recipe has them",
        )
    return choose_fit(config, lora, training, base, free, longest=longest)


def shorter(config: Any, lora: Lora, least: Training, base: Base, free_bytes: int, length: int) -> str:
    """What to set where not even the smallest way fits: shorter examples, or another base."""
    while length // 2 >= SHORTEST:
        length //= 2
        needs = estimate_memory(config, lora, least, base, tokens=least.batch_size * length).total
        if needs <= usable(free_bytes):
            recipe = ", or --recipe low-memory" if length >= 1024 else ""
            return f"--base.max_length={length} would fit ({gb(needs)}){recipe}"
    return f"nor would examples of {length} tokens: set a smaller base.repo, or use a GPU with more memory"


def next_smaller(
    config: Any, lora: Lora, training: Training, base: Base, free_bytes: int, *, longest: int | None = None
) -> Training | None:
    """The fastest settings that fit and take clearly less than these, which ran out of memory; None where there are none.

    The estimate was too low for these, so what it says is trusted as a ratio only: a tenth less at least.
    """
    length = longest or base.max_length
    failed = estimate_memory(config, lora, training, base, tokens=training.batch_size * length).total
    for way in ways(training, length):
        needs = estimate_memory(config, lora, way, base, tokens=way.batch_size * length).total
        if needs <= min(usable(free_bytes), 0.9 * failed):
            return way
    return None


def what_fits(
    config: Any, lora: Lora, training: Training, base: Base, free_bytes: int, *, longest: int | None = None
) -> str:
    """The message for a CUDA out-of-memory error: what was tried, and the options that would fit.

    Args:
        free_bytes: what the GPU has for this process in all, the base included.
        longest: tokens of the longest example, or of a packed row; unset takes base.max_length.
    """
    length = longest or base.max_length
    needs = estimate_memory(config, lora, training, base, tokens=training.batch_size * length).total
    tried = f"the GPU's memory is full: {describe(training)}, {length} tokens each, an estimated {gb(needs)} of {gb(free_bytes)}"
    smaller = next_smaller(config, lora, training, base, free_bytes, longest=longest)
    if smaller is None:
        least = list(ways(training, length))[-1]
        return f"{tried}; {shorter(config, lora, least, base, free_bytes, length)}"
    takes = estimate_memory(config, lora, smaller, base, tokens=smaller.batch_size * length).total
    options = [f"--training.{name}={str(getattr(smaller, name)).lower()}"
               for name in ("batch_size", "accumulation", "gradient_checkpointing")]  # fmt: skip
    return f"{tried}; {' '.join(options)} would fit ({gb(takes)}), with the same batch for each step"


def free_memory() -> int | None:
    """Free bytes of the first GPU, None where there is none."""
    import torch

    return torch.cuda.mem_get_info()[0] if torch.cuda.is_available() else None


def describe(training: Training) -> str:
    """Checkpointing and batch, in words."""
    checkpointing = "checkpointing" if training.gradient_checkpointing else "no checkpointing"
    return f"{checkpointing}, batch {training.batch_size} × {training.accumulation}"


def gb(size: float) -> str:
    """Bytes as GB of 10**9, with one digit."""
    return f"{size / 1e9:.1f} GB"
