"""Chooses the next token of each row on the GPU, with the sampling settings and random numbers of its request.

When a request starts, one random number for each token is drawn on the CPU. The chosen token is the first whose cumulative
probability exceeds the number, so other rows and the batch size do not change it.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from titlecraft.models.decoding.request import Request, Sampling

MOST_CANDIDATES = 128  # largest top_k for which the vocabulary is not sorted
GREEDY = Sampling(top_k=1)


class RowChooser:
    """The sampling settings of all rows, as tensors on the device."""

    def __init__(self, rows: int, columns: int, device: Any) -> None:
        self.greedy = torch.ones(rows, dtype=torch.bool, device=device)
        self.temperature, self.top_p = (torch.ones(rows, device=device) for _ in range(2))
        self.top_k = torch.ones(rows, dtype=torch.long, device=device)
        self.draws = torch.zeros(rows, columns, device=device)

    def begin(self, rows: list[int], requests: Sequence[Request]) -> None:
        """Start requests in these rows."""
        device, index = self.draws.device, torch.tensor(rows)
        settings = [request.sampling or GREEDY for request in requests]
        for tensor, values in (
            (self.greedy, [request.sampling is None for request in requests]),
            (self.temperature, [one.temperature for one in settings]),
            (self.top_p, [one.top_p for one in settings]),
            (self.top_k, [one.top_k or 1 << 30 for one in settings]),
        ):
            tensor[index.to(device)] = torch.tensor(values, dtype=tensor.dtype).to(device)
        for row, request in zip(rows, requests, strict=True):
            if request.sampling is not None:
                random = torch.Generator().manual_seed(request.sampling.seed)
                first = len(request.prompt) - 1
                drawn = torch.rand(request.new_tokens, generator=random)
                self.draws[row, first : first + request.new_tokens] = drawn.to(device)

    def move(self, sources: Tensor, targets: Tensor) -> None:
        """Copy rows to other rows."""
        for tensor in (self.greedy, self.temperature, self.top_p, self.top_k, self.draws):
            tensor[targets] = tensor[sources]

    def take(self, other: "RowChooser") -> None:
        """Copy the rows of a chooser with fewer columns."""
        for name in ("greedy", "temperature", "top_p", "top_k"):
            getattr(self, name).copy_(getattr(other, name))
        self.draws[:, : other.draws.shape[1]] = other.draws

    def __call__(self, logits: Tensor, rows: Tensor, positions: Tensor, candidates: int) -> Tensor:
        """Return the tokens [n] that follow these positions of these rows, from logits [n, vocabulary].

        Args:
            candidates: 0 if all rows are greedy; else how many of the most likely tokens are considered.
        """
        best = logits.argmax(-1)
        if not candidates:
            return best
        scores, tokens = (logits.float() / self.temperature[rows, None]).topk(min(candidates, logits.shape[1]), -1)
        rank = torch.arange(scores.shape[1], device=scores.device)
        chances = scores.masked_fill(rank >= self.top_k[rows, None], -torch.inf).softmax(-1)
        before = chances.cumsum(-1) - chances
        chances = chances.masked_fill((before >= self.top_p[rows, None]) & (rank > 0), 0.0)
        reached = chances.cumsum(-1)
        drawn = self.draws[rows, positions][:, None] * reached[:, -1:]
        choice = (reached <= drawn).sum(-1, keepdim=True).clamp(max=scores.shape[1] - 1)
        return torch.where(self.greedy[rows], best, tokens.gather(-1, choice)[:, 0])


def candidates_of(requests: Sequence[Request], vocabulary: int) -> int:
    """Return the number of candidates for `RowChooser`: one of three, so that few graphs are captured."""
    sampled = [request.sampling for request in requests if request.sampling is not None]
    if not sampled:
        return 0
    return MOST_CANDIDATES if all(0 < one.top_k <= MOST_CANDIDATES for one in sampled) else vocabulary
