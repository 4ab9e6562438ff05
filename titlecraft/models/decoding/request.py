"""Requests to a decoder, and their answers so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from titlecraft.settings import Generation

Arm = Literal["base", "tuned"]
ARMS: tuple[Arm, ...] = ("base", "tuned")
Stop = Literal["eos", "length", "cancelled"]


@dataclass(frozen=True)
class Sampling:
    """Sampling settings, with the meaning and order of transformers' logits warpers.

    Args:
        seed: seed of the request's own random generator, which other requests do not advance.
    """

    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    seed: int = 0

    @classmethod
    def of(cls, settings: Generation, seed: int) -> "Sampling":
        """Return the sampling of a recipe's section `generation`."""
        return cls(settings.temperature, settings.top_k, settings.top_p, seed)


@dataclass(frozen=True)
class Request:
    """A prompt to answer.

    Args:
        prompt: token ids, with BOS; at least one.
        new_tokens: maximum number of tokens of the answer; prompt and answer must fit into the context.
        stop: token ids that end the answer; it includes the one that ended it.
        arm: "base" (adapter disabled) or "tuned". They are equal for a model without an adapter.
        sampling: None is greedy decoding.
    """

    prompt: Sequence[int]
    new_tokens: int
    stop: tuple[int, ...] = ()
    arm: Arm = "tuned"
    sampling: Sampling | None = None


@dataclass
class Answering:
    """A request and its answer so far: `tokens` grows until `stop` is set.

    Args:
        stop: "eos" after a token of `request.stop` (the last of `tokens`), "length" after `request.new_tokens` tokens,
            "cancelled" after `Decoder.cancel`; None while it grows.
        state: private to the decoder.
        error: the error that ended it, such as torch.OutOfMemoryError; `stop` is then "cancelled".
    """

    request: Request
    tokens: list[int] = field(default_factory=list)
    stop: Stop | None = None
    state: Any = None
    error: BaseException | None = None

    def take(self, token: int) -> None:
        """Append a token; set `stop` if it ends the answer."""
        self.tokens.append(token)
        if token in self.request.stop:
            self.stop = "eos"
        elif len(self.tokens) >= self.request.new_tokens:
            self.stop = "length"
