"""Check that the trainer computes the model's own loss: measured before the kernels are applied, compared before the first step."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from titlecraft.errors import UserError
from titlecraft.models.loss.guard import IGNORED, labelled_nll, own_loss_check, tolerance
from titlecraft.records import Check
from titlecraft.settings import Training

SPREAD = 0.02  # standard deviation of the random weights that temporarily replace the zeros of a fresh adapter


@dataclass(frozen=True)
class Yardstick:
    """Loss of a few items from plain logits of the unpatched model, in nats per token.

    Args:
        indices: of the items in the trainer's dataset: examples, or packed rows.
        fresh: with the fresh adapter, whose lora_B is zero.
        nonzero: with random lora_B; a loss that ignores the adapter differs from it.
    """

    indices: list[int]
    fresh: float
    nonzero: float


def choose_items(lengths: np.ndarray, batch_size: int) -> list[int]:
    """Indices of the longest and the shortest item, where a wrong attention window or padding shows; one if the batch is 1."""
    ends = [int(lengths.argmax()), int(lengths.argmin())]
    return list(dict.fromkeys(ends))[: max(1, batch_size)]


def measure(model: Any, dataset: Any, lengths: np.ndarray, batch_size: int) -> Yardstick:
    """The yardstick of a fresh PeftModel; `lengths` are tokens of each item of the dataset. Does not change the model."""
    indices = choose_items(lengths, batch_size)
    model.eval()
    fresh = plain_loss(model, dataset, indices)
    with nonzero_adapter(model):
        return Yardstick(indices, fresh, plain_loss(model, dataset, indices))


def plain_loss(model: Any, dataset: Any, indices: list[int]) -> float:
    """Mean loss over the labelled tokens of these items, in nats, from plain logits of each example alone."""
    examples = [example for index in indices for example in examples_of(dataset[index])]
    total = sum(labelled_nll(model, tokens, labels) for tokens, labels in examples)
    return total / sum(label != IGNORED for _, labels in examples for label in labels[1:])


def examples_of(item: dict[str, Any]) -> list[tuple[list[int], list[int]]]:
    """(tokens, labels) of each example of an item, which is an example or a packed row."""
    if item["input_ids"] and isinstance(item["input_ids"][0], list):
        return list(zip(item["input_ids"], item["labels"], strict=True))
    return [(item["input_ids"], item["labels"])]


@contextmanager
def nonzero_adapter(model: Any) -> Iterator[None]:
    """Temporarily replace the zeros of a fresh adapter with random weights.

    The adapter's other weights are rounded to bfloat16 meanwhile, as TRL does later to a new adapter on a 4-bit base. Does not
    use torch's global generator.
    """
    generator = torch.Generator().manual_seed(0)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    originals = [parameter.detach().clone() for parameter in trained]
    try:
        for parameter in trained:
            is_zero = not bool(parameter.any())
            weights = torch.randn(parameter.shape, generator=generator) * SPREAD if is_zero else parameter.detach()
            parameter.data.copy_(weights.bfloat16())
        yield
    finally:
        for parameter, original in zip(trained, originals, strict=True):
            parameter.data.copy_(original)


def check_own_loss(trainer: Any, yardstick: Yardstick, settings: Training, base: Any) -> list[Check]:
    """Compare the trainer's loss of the yardstick's items with the yardstick, twice. Raises UserError with a fix if they differ."""
    mode = in_words(settings)
    model = trainer.model.eval()
    fresh = trainer_loss(trainer, yardstick.indices)
    with nonzero_adapter(model):
        nonzero = trainer_loss(trainer, yardstick.indices)
    allowed = tolerance(model)
    checks = [
        own_loss_check(f"training loss ({mode})", yardstick.fresh, fresh, allowed),
        own_loss_check(f"training loss ({mode}, weights in the adapter)", yardstick.nonzero, nonzero, allowed),
    ]
    for check, own, computed in zip(checks, (yardstick.fresh, yardstick.nonzero), (fresh, nonzero), strict=True):
        if not check.holds:
            raise UserError(
                f"{base}: the {check.name.partition(' against')[0]} is {computed:.4f} nats per token, and {own:.4f} by the model's "
                f"own logits: expected {check.expected}; {fix(settings)}"
            )
    return checks


def trainer_loss(trainer: Any, indices: list[int]) -> float:
    """Loss of one step over these items as the trainer computes it, in nats per labelled token."""
    batch = trainer._prepare_inputs(trainer.data_collator([trainer.train_dataset[index] for index in indices]))
    count = int((batch["labels"][:, 1:] != IGNORED).sum())
    with torch.no_grad(), trainer.compute_loss_context_manager():
        loss = float(trainer.compute_loss(trainer.model, batch, num_items_in_batch=count))
    trainer._metrics["eval"].clear()  # TRL has stored their entropies
    return loss / (trainer.accelerator.num_processes if trainer.args.average_tokens_across_devices else 1)


def in_words(settings: Training) -> str:
    """How the loss is computed, in words."""
    kinds = [name for name, used in (("packed", settings.packing), ("fused", settings.fused_kernels)) if used]
    return " and ".join(kinds) or "plain"


def fix(settings: Training) -> str:
    """What to set if the losses differ."""
    switches = [name for name in ("packing", "fused_kernels") if getattr(settings, name)]
    if switches:
        return "use " + " ".join(f"--training.{name}=false" for name in switches)
    return "this base cannot be trained here yet: set another base.repo"
