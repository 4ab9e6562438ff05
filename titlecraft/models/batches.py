"""Left-padded batches of similar length, with position ids that skip the padding."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Padded:
    """A batch as tensors of shape [batch, longest]; padding has mask 0 and position 0."""

    input_ids: Any
    attention_mask: Any
    position_ids: Any

    def arguments(self) -> dict[str, Any]:
        """The keyword arguments of a transformers forward pass."""
        return {
            "input_ids": self.input_ids,
            "attention_mask": self.attention_mask,
            "position_ids": self.position_ids,
        }


def length_sorted(items: Sequence[T], length: Callable[[T], int], size: int) -> Iterator[list[T]]:
    """Yield batches of `size` items (the last may be smaller), longest first, so that a batch that exceeds memory fails first."""
    ordered = sorted(items, key=length, reverse=True)  # stable: the same items give the same batches
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def pad_left(sequences: Sequence[Sequence[int]], pad_token_id: int, device: Any, width: int = 0) -> Padded:
    """Left-pad token sequences to the longest, or to `width` columns if that is more."""
    import torch

    longest = max(width, *(len(sequence) for sequence in sequences))
    ids = torch.full((len(sequences), longest), pad_token_id, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for row, sequence in enumerate(sequences):
        ids[row, longest - len(sequence) :] = torch.tensor(sequence, dtype=torch.long)
        mask[row, longest - len(sequence) :] = 1
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    return Padded(ids.to(device), mask.to(device), positions.to(device))
