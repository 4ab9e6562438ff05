"""Read the user's text as a title, which is put into the dataset's question, or as a question, which is used as it is."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from titlecraft.errors import UserError
from titlecraft.prompt import PromptFormat

Kind = Literal["title", "question"]
ReadAs = Literal["auto", "title", "question"]

LONGEST = 2000  # characters; the longest title of the catalogue has 1,999
RULE = (
    "A title of the dataset is read as a title. Other text that ends in a question mark, begins with “Question:”, or is worded "
    "like the dataset's question is read as a question and used as it is. All other text is read as a title and put into the "
    "dataset's question."
)


@dataclass(frozen=True)
class Question:
    """A question to the model.

    Args:
        typed: the user's text, stripped.
        kind: whether it was read as a title or as a question.
        title: the product title, if the text is one or is worded like the dataset's question; else None.
        input: the Alpaca `input`.
    """

    typed: str
    kind: Kind
    title: str | None
    input: str

    @property
    def search(self) -> str:
        """The text to search sources with."""
        return self.title or self.typed


def require_text(text: str) -> str:
    """The stripped text. Raises UserError if it is empty or too long."""
    # a lone surrogate (half an emoji) is not valid text, and a tokenizer would reject it
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()
    if not text:
        raise UserError("nothing was asked: type a title, or a whole question")
    if len(text) > LONGEST:
        raise UserError(f"the text has {len(text):,} characters: expected at most {LONGEST:,}")
    return text


def title_within(text: str, prompt: PromptFormat) -> str | None:
    """The title in a text that is worded like the dataset's question, or None."""
    before, after = prompt.question.split("{title}")
    if len(text) > len(before) + len(after) and text.startswith(before) and text.endswith(after):
        return text[len(before) : len(text) - len(after)]
    return None


def read_question(
    text: str, prompt: PromptFormat, read_as: ReadAs = "auto", is_title: Callable[[str], bool] = lambda title: False
) -> Question:
    """Read a text by RULE, or as `read_as` says. Raises UserError if it is empty or too long.

    Args:
        is_title: tells whether the dataset has a product with this title.
    """
    text = require_text(text)
    within = title_within(text, prompt)
    is_question = within is not None or text.endswith("?") or text.casefold().startswith("question:")
    if read_as == "question" or (read_as == "auto" and is_question and not is_title(text)):
        return Question(text, "question", within, text)
    return Question(text, "title", text, prompt.input_for(text))
