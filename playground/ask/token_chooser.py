"""Choose the next token with the logits warpers of transformers, in the same order, with one random generator per answer."""

from typing import Any

import torch
from transformers import TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

from playground.ask.decoding import Decoding


class TokenChooser:
    """Chooses the tokens of one answer. On a CPU they equal those of transformers' generate() after manual_seed(seed)."""

    def __init__(self, decoding: Decoding, device: Any) -> None:
        settings = decoding.settings
        self.steps = []
        self.random = None
        if not decoding.greedy:
            self.random = torch.Generator(device).manual_seed(decoding.seed)
            if settings.temperature != 1:
                self.steps.append(TemperatureLogitsWarper(float(settings.temperature)))
            if settings.top_k:
                self.steps.append(TopKLogitsWarper(settings.top_k))
            if settings.top_p < 1:
                self.steps.append(TopPLogitsWarper(float(settings.top_p)))

    def __call__(self, logits: Any) -> int:
        """The id of the next token, from logits of shape [vocabulary]."""
        scores = logits.float()[None]
        if self.random is None:
            return int(scores.argmax())
        for step in self.steps:
            scores = step(None, scores)
        return int(torch.multinomial(scores.softmax(-1), 1, generator=self.random))
