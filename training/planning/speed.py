"""Training speed of a GPU: as measured by benchmarks/training.py, or else estimated from its datasheet.

A token takes 4 FLOP per parameter of the base (2 forward, 2 backward, since frozen weights have no gradient), or 6 with
gradient checkpointing. The estimate assumes a measured share of the datasheet's dense 16-bit TFLOP/s, but never less time than
launching the kernels of all layers takes.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from titlecraft.settings import Training

MEASURED = Path(__file__).with_name("measured_speeds.json")  # written by benchmarks/training.py
# shares of the datasheet's TFLOP/s
FAST_SHARE = 0.45  # H200, packed rows, varlen attention, fused kernels: 13,888 tokens/s x 4 x 8.03e9 of 989 TFLOP/s
PLAIN_SHARE = 0.14  # H200, packed rows, sdpa with a mask, checkpointing: 2,941 tokens/s x 6 x 8.03e9
OLD_SHARE = 0.08  # T4: an epoch took 21 days
SECONDS_PER_LAYER = 0.016  # H200, Unsloth, batch 2 x 4: 2.05 s a step of 4 passes through 32 layers
SAME_SIZE = 0.05  # largest relative difference in parameters for which a measured rate is used


@dataclass(frozen=True)
class Card:
    """A GPU by its datasheet.

    Args:
        memory: bytes.
        flops: dense 16-bit tensor operations a second, with float32 accumulation.
        modern: has bfloat16 and torch's varlen attention (compute capability 8.0).
    """

    name: str
    memory: int
    flops: float
    modern: bool = True


CARDS = (
    Card("T4", 16 * 10**9, 65e12, modern=False),
    Card("L4", 24 * 10**9, 121e12),
    Card("RTX 3090", 24 * 10**9, 71e12),
    Card("RTX 4090", 24 * 10**9, 165e12),
    Card("RTX 5090", 32 * 10**9, 209e12),
    Card("A100", 80 * 10**9, 312e12),
    Card("H100", 80 * 10**9, 989e12),
    Card("H200", 141 * 10**9, 989e12),
)


@dataclass(frozen=True)
class Rate:
    """Tokens per second without padding; whether that was measured on this card; and the source of the figure."""

    tokens_per_second: float
    measured: bool
    basis: str


def estimate_rate(
    card: Card, training: Training, parameters: int, layers: int, tokens: float, efficiency: float
) -> Rate:
    """Rate of a card, estimated from its datasheet.

    Args:
        parameters, layers: of the base.
        tokens: of one forward pass, including padding.
        efficiency: share of these tokens that are not padding.
    """
    fast = training.packing and training.fused_kernels
    share = (FAST_SHARE if fast else PLAIN_SHARE) if card.modern else OLD_SHARE
    work = (6 if training.gradient_checkpointing else 4) * parameters * tokens
    seconds, launched = work / (card.flops * share), 0 if fast else layers * SECONDS_PER_LAYER
    basis = f"{share:.0%} of {card.flops / 1e12:.0f} TFLOP/s"
    if launched > seconds:
        seconds, basis = launched, f"{launched:.2f} s to launch each pass"
    return Rate(tokens * efficiency / seconds, False, basis)


def measured_rate(card: Card, training: Training, parameters: int, file: Path = MEASURED) -> Rate | None:
    """The measured rate of a card with these settings and a base of this size, or None if it was not measured.

    The file is a list of objects with gpu, tokens_per_second, parameters, and the settings backend, packing, fused_kernels and
    gradient_checkpointing of the measurement.
    """
    for entry in json.loads(file.read_bytes()):
        if card.name in entry["gpu"] and is_same_run(entry, training, parameters):
            return Rate(entry["tokens_per_second"], True, f"benchmarks/training.py, {entry['gpu']}")
    return None


def is_same_run(entry: dict[str, Any], training: Training, parameters: int) -> bool:
    """Whether a measurement was made with these settings and a base of about this size."""
    settings = ("backend", "packing", "fused_kernels", "gradient_checkpointing")
    same = all(entry[name] == getattr(training, name) for name in settings)
    return same and not training.shard_base and abs(entry["parameters"] / parameters - 1) <= SAME_SIZE
