"""The prompt with retrieved sources: the question, followed by rows of the dataset about the product.

The adapter is not trained on such prompts; the third arm of an evaluation measures whether sources help.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from titlecraft.prompt import PromptFormat

SOURCES = 3  # rows that go into a prompt, at most
SOURCE_CHARACTERS = 700  # of each text, at most
FEWEST_CHARACTERS = 80  # a source that must be cut shorter is left out
HEADING = "Answer only with what these sources say:"


class Source(Protocol):
    """The part of a row that a prompt needs; `titlecraft.search.row_index.FoundRow` has it."""

    @property
    def title(self) -> str:
        """The title of the row."""
        ...

    @property
    def text(self) -> str:
        """The full description of the row."""
        ...


def cut(text: str, characters: int) -> str:
    """Return the text on one line, truncated after a word to at most this many characters."""
    line = " ".join(text.split())
    if len(line) <= characters:
        return line
    return line[: characters - 1].rsplit(" ", 1)[0].rstrip(" ,;:") + "…"


def grounded_input(question: str, sources: Sequence[Source], characters: int = SOURCE_CHARACTERS) -> str:
    """Return the Alpaca `input` of a question with sources numbered from 1, or the question alone without sources."""
    if not sources:
        return question
    lines = [
        f"[{number}] {cut(source.title, 200)}: {cut(source.text, characters)}"
        for number, source in enumerate(sources, 1)
    ]
    return "\n".join([question, "", HEADING, *lines])


def grounded_prompt(
    prompt: PromptFormat, question: str, sources: Sequence[Source], fits: Callable[[str], bool] = lambda text: True
) -> tuple[str, int]:
    """Return the prompt with as many sources as fit, without BOS, and the number of sources in it.

    Args:
        question: the Alpaca `input`; for a title, `prompt.input_for(title)`.
        sources: best first; those after the first SOURCES are ignored.
        fits: whether a prompt leaves the model room to answer. Texts are halved, then sources left out, until it fits;
            the prompt without sources is returned even if it does not fit.
    """
    for count in range(min(len(sources), SOURCES), 0, -1):
        characters = SOURCE_CHARACTERS
        while characters >= FEWEST_CHARACTERS:
            text = prompt.render(prompt.instruction, grounded_input(question, sources[:count], characters))
            if fits(text):
                return text, count
            characters //= 2
    return prompt.render(prompt.instruction, question), 0
