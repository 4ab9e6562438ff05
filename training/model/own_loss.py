"""The training loss is the model's own: measured on the model before anything is put over it, compared before the first step."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from titlecraft.errors import UserError
from titlecraft.models.loss.guard import IGNORED, labelled_nll, own_loss_check, tolerance
from titlecraft.records import Check
from titlecraft.settings import Training

SPREAD = 0.02  # standard deviation of the weights that a fresh adapter has for the time of a look; its other factor is as drawn


@dataclass(frozen=True)
class Yardstick:
    """What some items cost by plain logits of the model that nothing was put over, in nats per token.

    Args:
        places: of the items in the dataset that the trainer draws from: examples, or packed rows.
        fresh: with the adapter as training begins with it, which does nothing yet.
        awake: with random weights in the adapter: a loss that leaves it out is another one.
    """

    places: list[int]
    fresh: float
    awake: float


def choose_places(lengths: np.ndarray, batch_size: int) -> list[int]:
    """At most two items for a look, the longest and the shortest: a window or padding that is wrong shows there."""
    ends = [int(lengths.argmax()), int(lengths.argmin())]
    return list(dict.fromkeys(ends))[: max(1, batch_size)]


def measure(model: Any, dataset: Any, lengths: np.ndarray, batch_size: int) -> Yardstick:
    """The yardstick of a fresh PeftModel; `lengths` are tokens of each item of the dataset. Leaves the model as it was."""
    places = choose_places(lengths, batch_size)
    model.eval()
    fresh = plain_loss(model, dataset, places)
    with awake(model):
        return Yardstick(places, fresh, plain_loss(model, dataset, places))


def plain_loss(model: Any, dataset: Any, places: list[int]) -> float:
    """Mean over the labelled tokens of these items, from plain logits of each example alone, in nats."""
    examples = [example for place in places for example in examples_of(dataset[place])]
    total = sum(labelled_nll(model, tokens, labels) for tokens, labels in examples)
    return total / sum(label != IGNORED for _, labels in examples for label in labels[1:])


def examples_of(item: dict[str, Any]) -> list[tuple[list[int], list[int]]]:
    """Tokens and labels of each example of an item: an example itself, or a packed row."""
    if item["input_ids"] and isinstance(item["input_ids"][0], list):
        return list(zip(item["input_ids"], item["labels"], strict=True))
    return [(item["input_ids"], item["labels"])]


@contextmanager
def awake(model: Any) -> Iterator[None]:
    """The model with random weights in place of the zeros that keep a fresh adapter from doing anything; afterwards as it was.

    The other weights are rounded to bfloat16 meanwhile: TRL does that to a new adapter on a base in 4 bit, after the yardstick
    has been taken. torch's random state is left alone.
    """
    import torch

    drawn = torch.Generator().manual_seed(0)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    kept = [parameter.detach().clone() for parameter in trained]
    try:
        for parameter in trained:
            asleep = not bool(parameter.any())
            weights = torch.randn(parameter.shape, generator=drawn) * SPREAD if asleep else parameter.detach()
            parameter.data.copy_(weights.bfloat16())
        yield
    finally:
        for parameter, was in zip(trained, kept, strict=True):
            parameter.data.copy_(was)


def check_own_loss(trainer: Any, yardstick: Yardstick, settings: Training, base: Any) -> list[Check]:
    """What the trainer computes for the same items, both times, is the yardstick's. Raises UserError with the fix if not."""
    mode = in_words(settings)
    model = trainer.model.eval()
    fresh = trainer_loss(trainer, yardstick.places)
    with awake(model):
        found = trainer_loss(trainer, yardstick.places)
    allowed = tolerance(model)
    checks = [
        own_loss_check(f"training loss ({mode})", yardstick.fresh, fresh, allowed),
        own_loss_check(f"training loss ({mode}, weights in the adapter)", yardstick.awake, found, allowed),
    ]
    for one, own, ours in zip(checks, (yardstick.fresh, yardstick.awake), (fresh, found), strict=True):
        if not one.holds:
            raise UserError(
                f"{base}: the {one.name.partition(' against')[0]} is {ours:.4f} nats per token, and {own:.4f} by the model's "
                f"own logits: expected {one.expected}; {fix(settings)}"
            )
    return checks


def trainer_loss(trainer: Any, places: list[int]) -> float:
    """The loss of one step over these items as the trainer computes it, in nats per labelled token."""
    import torch

    batch = trainer._prepare_inputs(trainer.data_collator([trainer.train_dataset[place] for place in places]))
    count = int((batch["labels"][:, 1:] != IGNORED).sum())
    with torch.no_grad(), trainer.compute_loss_context_manager():
        loss = float(trainer.compute_loss(trainer.model, batch, num_items_in_batch=count))
    trainer._metrics["eval"].clear()  # TRL has noted their entropy
    return loss / (trainer.accelerator.num_processes if trainer.args.average_tokens_across_devices else 1)


def in_words(settings: Training) -> str:
    """How the loss is computed."""
    kinds = [name for name, on in (("packed", settings.packing), ("fused", settings.fused_kernels)) if on]
    return " and ".join(kinds) or "plain"


def fix(settings: Training) -> str:
    """What to set where the loss is another one."""
    switches = [name for name in ("packing", "fused_kernels") if getattr(settings, name)]
    if switches:
        return "use " + " ".join(f"--training.{name}=false" for name in switches)
    return "this base cannot be trained here yet: set another base.repo"
