"""Batches of similar length, padded on the left, with position ids that do not count the padding."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Padded:
    """One batch as tensors of shape [batch, longest]; padding has mask 0 and position 0."""

    input_ids: Any
    attention_mask: Any
    position_ids: Any

    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of a transformers forward pass."""
        return {
            "input_ids": self.input_ids,
            "attention_mask": self.attention_mask,
            "position_ids": self.position_ids,
        }


def length_sorted(items: Sequence[T], length: Callable[[T], int], size: int) -> Iterator[list[T]]:
    """Batches of `size` items (the last may have fewer), longest first: a batch that is too large fails at once."""
    ordered = sorted(items, key=length, reverse=True)  # stable: the same items give the same batches
    for start in range(0, len(ordered), size):
        yield ordered[start : start + size]


def pad_left(sequences: Sequence[Sequence[int]], pad_token_id: int, device: Any, width: int = 0) -> Padded:
    """Right-align token sequences, so that the next token of each stands in the same column; at least `width` columns."""
    import torch

    longest = max(width, *(len(sequence) for sequence in sequences))
    ids = torch.full((len(sequences), longest), pad_token_id, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for place, sequence in enumerate(sequences):
        ids[place, longest - len(sequence) :] = torch.tensor(sequence, dtype=torch.long)
        mask[place, longest - len(sequence) :] = 1
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    return Padded(ids.to(device), mask.to(device), positions.to(device))
