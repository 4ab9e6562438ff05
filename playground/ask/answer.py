"""The arms that are compared, base and tuned, and the answer of one arm."""

from dataclasses import dataclass
from typing import Literal

from titlecraft.models.decoding.request import ARMS, Arm

__all__ = ["ARMS", "Answer", "Arm"]


@dataclass(frozen=True)
class Answer:
    """The answer of one arm so far.

    Args:
        stop: why it ended: "eos"; "length" at max_new_tokens; "context" at the model's context length. None while generating.
        first_seconds: seconds from the question to the first token.
        seconds: seconds from the question to its newest token, beside the answers that are generated with it.
    """

    arm: Arm
    text: str = ""
    tokens: int = 0
    stop: Literal["eos", "length", "context"] | None = None
    first_seconds: float | None = None
    seconds: float = 0.0

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens per second since the question; None before the first token."""
        return self.tokens / self.seconds if self.tokens and self.seconds else None
