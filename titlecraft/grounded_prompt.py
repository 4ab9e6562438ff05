"""The prompt with sources in it: the same question, and under it what the dataset says of the product.

The adapter was never trained on such a prompt; whether it uses the sources is what the evaluation's third arm measures.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from titlecraft.prompt import PromptFormat

SOURCES = 3  # rows that go into a prompt, at most
SOURCE_CHARACTERS = 700  # of each text, at most
FEWEST_CHARACTERS = 80  # a source that must be cut shorter is left out
HEADING = "Answer only with what these sources say:"


class Source(Protocol):
    """What is read of a row; `titlecraft.search.row_index.FoundRow` has it."""

    @property
    def title(self) -> str:
        """The row's title."""
        ...

    @property
    def text(self) -> str:
        """The row's description, whole."""
        ...


def cut(text: str, most: int) -> str:
    """The text on one line, and at most so many characters of it, cut behind a word."""
    line = " ".join(text.split())
    if len(line) <= most:
        return line
    return line[: most - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"


def grounded_input(question: str, sources: Sequence[Source], characters: int = SOURCE_CHARACTERS) -> str:
    """The Alpaca `input` of a question with sources, numbered from 1; the question alone where there are none."""
    if not sources:
        return question
    lines = [f"[{number}] {cut(one.title, 200)}: {cut(one.text, characters)}" for number, one in enumerate(sources, 1)]
    return "\n".join([question, "", HEADING, *lines])


def grounded_prompt(
    prompt: PromptFormat, question: str, sources: Sequence[Source], fits: Callable[[str], bool] = lambda text: True
) -> tuple[str, int]:
    """The whole prompt with as much of the sources as fits, without BOS, and how many sources are in it.

    Args:
        question: the Alpaca `input`; of a title, `prompt.input_for(title)`.
        sources: the best first; more than SOURCES are not looked at.
        fits: whether a prompt leaves the model room to answer. Texts are halved, then sources left out, until it does;
            with 0 sources the prompt is the plain one, whether it fits or not.
    """
    for count in range(min(len(sources), SOURCES), 0, -1):
        characters = SOURCE_CHARACTERS
        while characters >= FEWEST_CHARACTERS:
            text = prompt.render(prompt.instruction, grounded_input(question, sources[:count], characters))
            if fits(text):
                return text, count
            characters //= 2
    return prompt.render(prompt.instruction, question), 0
