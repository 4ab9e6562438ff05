"""Rows with more than base.max_length tokens: the setting training.long_answers.

An answer that is cut without its end token teaches the model not to stop.
"""

from transformers import PretrainedConfig

from titlecraft.models.base.config import context_length
from titlecraft.settings import Base


def longest_example(settings: Base, config: PretrainedConfig) -> int:
    """Maximum tokens of an example: base.max_length, or the base's context length if that is smaller."""
    return min(settings.max_length, context_length(config))


def fit(question: list[int], answer: list[int], max_length: int, long_answers: str) -> list[int]:
    """Return the answer's token ids as far as the example has room for them; an empty list leaves the example out."""
    room = max_length - len(question)
    if len(answer) <= room:
        return answer
    if long_answers == "truncate":
        return answer[: max(room, 0)]
    return [*answer[: room - 1], answer[-1]] if long_answers == "keep_eos" and room > 1 else []


def no_row_fits(max_length: int, long_answers: str) -> str:
    """The error message for a split without a row that fits."""
    if long_answers == "drop":
        return (
            f"no row has at most base.max_length {max_length} tokens: set a longer one, or "
            "--training.long_answers=keep_eos to cut the answers"
        )
    return f"no prompt is shorter than base.max_length {max_length} tokens: set a longer one"
