"""Optimizer steps of a recipe, and the share of the split that they see, from the lengths of the examples."""

from dataclasses import dataclass
from math import ceil

import numpy as np

from titlecraft.settings import Training


def padding_efficiency(lengths: np.ndarray, batch: int, seed: int) -> float:
    """Share of tokens that are not padding if random batches are padded to their longest example."""
    whole = len(lengths) // batch * batch or len(lengths)
    shuffled = np.random.default_rng(seed).permutation(lengths)[:whole]
    batches = shuffled.reshape(-1, min(batch, whole))
    return float(shuffled.sum() / (batches.max(axis=1).sum() * batches.shape[1]))


@dataclass(frozen=True)
class Steps:
    """Steps of a run as transformers' Trainer counts them on one device.

    Args:
        count: optimizer steps.
        items_seen: examples or packed rows in all steps, repetitions included.
        share: share of the items that are seen at least once.
    """

    count: int
    items_seen: int
    share: float


def count_steps(items: int, training: Training) -> Steps:
    """Steps over `items` examples or packed rows; the last step of an epoch may be smaller."""
    step_items = training.batch_size * training.accumulation
    of_epoch = steps_of_epoch(items, training)
    count = training.max_steps or ceil(training.epochs * of_epoch)
    epochs, remaining_steps = divmod(count, of_epoch)
    items_seen = epochs * items + min(remaining_steps * step_items, items)
    return Steps(count, items_seen, min(1.0, items_seen / items))


def steps_of_epoch(items: int, training: Training) -> int:
    """Optimizer steps of a pass over `items` examples or packed rows."""
    return max(1, ceil(ceil(items / training.batch_size) / training.accumulation))
