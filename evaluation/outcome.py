"""What one arm did with one title."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    """One title in one arm: its prompt, its generated text (or several sampled ones), and the value of every measure.

    A value is None where the measure cannot read the text (evaluation.readable).
    """

    prompt: str
    texts: list[str]
    tokens: int
    values: dict[str, float | None]
