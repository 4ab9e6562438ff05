"""How long a run takes on a card: measured where benchmarks/results/training.json has it, else from datasheets.

Work per token is 4 FLOP for each parameter of the base (2 forward, 2 back: frozen weights have no gradient of their own), 6
with checkpointing. The estimate takes a share of the datasheet's dense 16-bit TFLOP/s, and no less time than a forward pass
of so many layers needs to be launched at all.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from titlecraft.settings import Training

MEASUREMENTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "training.json"
# shares of the datasheet's TFLOP/s, from ../shared/design/facts.md
FAST_SHARE = 0.45  # H200, packed rows, varlen attention, fused kernels: 13,888 tokens/s x 4 x 8.03e9 of 989 TFLOP/s
PLAIN_SHARE = 0.14  # H200, packed rows, sdpa with a mask, checkpointing: 2,941 tokens/s x 6 x 8.03e9
OLD_SHARE = 0.08  # T4: what an epoch in 21 days comes to
SECONDS_PER_LAYER = 0.016  # H200, Unsloth, batch 2 x 4: 2.05 s a step of 4 passes through 32 layers
SAME_SIZE = 0.05  # a measured rate holds for bases whose parameters differ by no more


@dataclass(frozen=True)
class Card:
    """A GPU by its datasheet.

    Args:
        memory: bytes.
        flops: dense 16-bit tensor operations a second.
        modern: has bfloat16 and torch's varlen attention (compute capability 8.0).
    """

    name: str
    memory: int
    flops: float
    modern: bool = True


CARDS = (
    Card("T4", 16 * 10**9, 65e12, modern=False),
    Card("L4", 24 * 10**9, 121e12),
    Card("A100", 80 * 10**9, 312e12),
    Card("H100", 80 * 10**9, 989e12),
    Card("H200", 141 * 10**9, 989e12),
)


@dataclass(frozen=True)
class Rate:
    """Tokens a second without padding, whether that was measured on this card, and where the figure is from."""

    tokens_per_second: float
    measured: bool
    basis: str


def estimate_rate(
    card: Card, training: Training, parameters: int, layers: int, tokens: float, efficiency: float
) -> Rate:
    """Rate of a card by its datasheet.

    Args:
        parameters, layers: of the base.
        tokens: of one forward pass, padding included.
        efficiency: share of them that is no padding.
    """
    fast = training.packing and training.fused_kernels
    share = (FAST_SHARE if fast else PLAIN_SHARE) if card.modern else OLD_SHARE
    work = (6 if training.gradient_checkpointing else 4) * parameters * tokens
    seconds, launched = work / (card.flops * share), 0 if fast else layers * SECONDS_PER_LAYER
    basis = f"{share:.0%} of {card.flops / 1e12:.0f} TFLOP/s"
    if launched > seconds:
        seconds, basis = launched, f"{launched:.2f} s to launch each pass"
    return Rate(tokens * efficiency / seconds, False, basis)


def measured_rate(card: Card, training: Training, parameters: int, file: Path = MEASUREMENTS) -> Rate | None:
    """The measured rate of a card with these settings and a base of this size, None where nobody measured it.

    Reads the list `rates` of the file; each of its entries has gpu, tokens_per_second, parameters, and the settings
    backend, packing, fused_kernels and gradient_checkpointing that it was measured with.
    """
    if not file.is_file():
        return None
    for entry in json.loads(file.read_bytes()).get("rates", []):
        if card.name in entry["gpu"] and alike(entry, training, parameters):
            return Rate(entry["tokens_per_second"], True, f"{file.name}, {entry['gpu']}")
    return None


def alike(entry: dict[str, Any], training: Training, parameters: int) -> bool:
    """Whether a measurement is of such a run."""
    settings = ("backend", "packing", "fused_kernels", "gradient_checkpointing")
    same = all(entry[name] == getattr(training, name) for name in settings)
    return same and not training.shard_base and abs(entry["parameters"] / parameters - 1) <= SAME_SIZE
