"""Chooses the next token with the logits warpers of transformers, in their order. Each request has its own random generator."""

from collections.abc import Sequence
from typing import Any

import torch
from transformers import LogitsProcessor, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from titlecraft.models.decoding.request import Request, Sampling


class TokenChooser:
    """Chooses the tokens of one answer. On a CPU they equal those of transformers' generate() after manual_seed(seed).

    Args:
        sampling: None is greedy.
    """

    def __init__(self, sampling: Sampling | None, device: Any) -> None:
        self.steps: list[Any] = []
        self.random = None
        if sampling is not None:
            self.random = torch.Generator(device).manual_seed(sampling.seed)
            if sampling.temperature != 1:
                self.steps.append(TemperatureLogitsWarper(float(sampling.temperature)))
            if sampling.top_k:
                self.steps.append(TopKLogitsWarper(sampling.top_k))
            if sampling.top_p < 1:
                self.steps.append(TopPLogitsWarper(float(sampling.top_p)))

    def __call__(self, logits: Any) -> int:
        """Return the id of the next token, from logits of shape [vocabulary]."""
        scores = logits.float()[None]
        if self.random is None:
            return int(scores.argmax())
        for step in self.steps:
            scores = step(None, scores)
        return int(torch.multinomial(scores.softmax(-1), 1, generator=self.random))


class ChosenByRow(LogitsProcessor):
    """A logits processor for greedy generate(): only the token that the row's chooser samples keeps a finite score."""

    def __init__(self, choosers: list[TokenChooser]) -> None:
        self.choosers = choosers

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        """Return scores [rows, vocabulary] whose only finite value is that of each row's token."""
        tokens = [choose(row) for choose, row in zip(self.choosers, scores, strict=True)]
        chosen = torch.tensor(tokens, device=scores.device)[:, None]
        return torch.full_like(scores, -torch.inf).scatter_(1, chosen, 0.0)


class CpuRowChooser:
    """Chooses the next token of each row on a CPU, by one TokenChooser for each row."""

    def __init__(self, rows: int) -> None:
        self.choosers: list[TokenChooser] = [TokenChooser(None, "cpu")] * rows

    def begin(self, rows: list[int], requests: Sequence[Request]) -> None:
        """Start requests in these rows."""
        for row, request in zip(rows, requests, strict=True):
            self.choosers[row] = TokenChooser(request.sampling, "cpu")

    def move(self, sources: Any, targets: Any) -> None:
        """Copy rows to other rows."""
        for source, target in zip(sources.tolist(), targets.tolist(), strict=True):
            self.choosers[target] = self.choosers[source]

    def take(self, other: "CpuRowChooser") -> None:
        """Copy the rows of a smaller chooser."""
        self.choosers = other.choosers

    def __call__(self, logits: Any, rows: Any, positions: Any, candidates: int) -> Any:
        """Return the token ids [n] from logits [n, vocabulary]; `candidates` is 0 if all rows are greedy."""
        if not candidates:
            return logits.float().argmax(-1)
        choosers = [self.choosers[row] for row in rows.tolist()]
        return torch.tensor([choose(scores) for choose, scores in zip(choosers, logits, strict=True)])
