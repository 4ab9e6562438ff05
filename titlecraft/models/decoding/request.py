"""What is asked of a decoder, and the answer so far."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from titlecraft.settings import Generation

Arm = Literal["base", "tuned"]
ARMS: tuple[Arm, ...] = ("base", "tuned")
Stop = Literal["eos", "length", "cancelled"]


@dataclass(frozen=True)
class Sampling:
    """How tokens are sampled, as transformers' logits warpers do it, in their order.

    Args:
        seed: of the request's own random numbers, so that other requests do not change its draw.
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
        new_tokens: the most tokens of the answer; prompt and answer have to fit into the model's context.
        stop: token ids that end the answer; the answer holds the one that ended it.
        arm: "base" (adapter off) or "tuned". A model without adapter answers both alike.
        sampling: None is greedy.
    """

    prompt: Sequence[int]
    new_tokens: int
    stop: tuple[int, ...] = ()
    arm: Arm = "tuned"
    sampling: Sampling | None = None


@dataclass
class Answering:
    """A request in work: `tokens` grows until `stop` is set.

    Args:
        stop: "eos" where a token of `request.stop` ended it (the last of `tokens`), "length" at `request.new_tokens`,
            "cancelled" by `Decoder.cancel`; None while it grows.
        state: the decoder's own.
        error: what ended it otherwise ("cancelled"), such as a full memory.
    """

    request: Request
    tokens: list[int] = field(default_factory=list)
    stop: Stop | None = None
    state: Any = None
    error: BaseException | None = None

    def take(self, token: int) -> None:
        """Append a token, and end the answer if it is the last one."""
        self.tokens.append(token)
        if token in self.request.stop:
            self.stop = "eos"
        elif len(self.tokens) >= self.request.new_tokens:
            self.stop = "length"
