"""The answers and values of one title in one arm; the harness returns them, statistics and reports read them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """One title in one arm.

    Args:
        prompt: the prompt of that arm's document.
        texts: the greedy answer, or several sampled ones.
        tokens: tokens of the first answer.
        values: measure -> value; None where the measure cannot read the text (evaluation.readable).
    """

    prompt: str
    texts: list[str]
    tokens: int
    values: dict[str, float | None]
