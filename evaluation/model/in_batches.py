"""Loops over batches, for scoring, generation, choices, shuffled sentences and encoders.

The batches and their order are part of the experiment, because neighbours in a batch change the last digits of a sum. A batch that
does not fit into a GPU's memory is therefore an error that names the setting; it is never split silently.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

from titlecraft.models.batches import length_sorted
from titlecraft.process.out_of_memory import explain_out_of_memory

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def in_batches(
    items: Mapping[str, Sequence[Item]],
    length: Callable[[Item], int],
    size: int,
    compute: Callable[[str, list[Item]], Iterable[Answer]],
    advance: Callable[[int], object] = lambda count: None,
) -> Iterator[tuple[str, Item, Answer]]:
    """Yield (arm, item, answer) for all items of all arms, computed in batches of similar length, longest first.

    Batches alternate between the arms, and so does the arm that is first, so that drift (heat, memory, other load) favours
    no arm.

    Args:
        items: arm -> items; all arms need the same number of batches.
        length: item -> length, by which the items are sorted.
        size: items per batch.
        compute: (arm, batch) -> an answer per item.
        advance: called after each batch with its number of items.
    """
    batches = zip(*(length_sorted(of_arm, length, size) for of_arm in items.values()), strict=True)
    for number, batch_of_each in enumerate(batches):
        turns = list(zip(items, batch_of_each, strict=True))
        for arm, batch in turns if number % 2 == 0 else reversed(turns):
            for item, answer in zip(batch, compute(arm, batch), strict=True):
                yield arm, item, answer
            advance(len(batch))


def memory_error_names_batch_size(batch_size: int) -> AbstractContextManager[None]:
    """Raise UserError that names the setting to change if the body runs out of GPU memory."""
    return explain_out_of_memory(
        f"the GPU's memory is full: a batch of {batch_size} titles does not fit beside the model; set "
        f"--evaluation.batch_size={max(1, batch_size // 4)} (it is part of the experiment, and of the record)"
    )
