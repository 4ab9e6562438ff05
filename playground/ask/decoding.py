"""The decoding settings of an answer, checked."""

from dataclasses import dataclass, field

from titlecraft.errors import UserError
from titlecraft.settings import Generation

MOST_NEW_TOKENS = 1024


@dataclass(frozen=True)
class Decoding:
    """The decoding of an answer.

    Args:
        settings: max_new_tokens, temperature, top_k and top_p.
        greedy: choose the most likely token; temperature, top_k, top_p and seed are ignored.
        seed: the seed of each arm's random generator. The same seed gives the same answer.
    """

    settings: Generation = field(default_factory=Generation)
    greedy: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        """Raise UserError for a value out of range."""
        settings = self.settings
        for name, value, holds, expected in (
            ("max_new_tokens", settings.max_new_tokens, 1 <= settings.max_new_tokens <= MOST_NEW_TOKENS, f"1 to {MOST_NEW_TOKENS}"),
            ("temperature", settings.temperature, 1e-3 <= settings.temperature <= 100, "0.001 to 100"),
            ("top_k", settings.top_k, settings.top_k >= 0, "0 (off) or more"),
            ("top_p", settings.top_p, 0 < settings.top_p <= 1, "more than 0 and at most 1"),
            ("seed", self.seed, 0 <= self.seed < 1 << 63, f"0 to {(1 << 63) - 1}"),
        ):  # fmt: skip
            if not holds:
                raise UserError(f"{name} is {value}: expected {expected}")

    def in_words(self) -> str:
        """The decoding in one line."""
        settings = self.settings
        limit = f"at most {settings.max_new_tokens} tokens"
        if self.greedy:
            return f"greedy, {limit}"
        return (
            f"T {settings.temperature:g}, top-k {settings.top_k}, top-p {settings.top_p:g}, seed {self.seed}, {limit}"
        )
