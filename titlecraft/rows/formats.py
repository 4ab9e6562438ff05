"""Reads common formats of instruction datasets as question and answer: Alpaca, prompt-completion, messages, two columns.

The names of formats and columns are those of TRL's documentation (dataset formats) and of Stanford Alpaca.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from titlecraft.errors import UserError
from titlecraft.records.rows import RowFormat

NO_QUESTION, NO_ANSWER, NO_TEXT = "no question", "no answer", "no text"


@dataclass(frozen=True)
class Exchange:
    """A question and its answer; `goes_on` if the conversation has further turns."""

    question: str
    answer: str
    goes_on: bool = False


class Unusable(Exception):
    """A row without a question or an answer. Reasons are counted by the message."""


def text_of(value: Any, empty: str) -> str:
    """Return the value if it is a non-empty text. Raises Unusable: `empty` if it is empty, NO_TEXT for another type."""
    if value is None or value == "":
        raise Unusable(empty)
    if not isinstance(value, str):
        raise Unusable(NO_TEXT)
    if not value.strip():
        raise Unusable(empty)
    return value


def alpaca(row: dict[str, Any]) -> Exchange:
    """Read instruction, input (which may be empty) and output."""
    instruction, more = text_of(row["instruction"], NO_QUESTION), row.get("input")
    question = f"{instruction}\n\n{text_of(more, NO_TEXT)}" if more else instruction
    return Exchange(question, text_of(row["output"], NO_ANSWER))


def prompt_completion(row: dict[str, Any]) -> Exchange:
    """Read prompt and completion, which are texts or lists of messages."""
    prompt, completion = row["prompt"], row["completion"]
    if isinstance(prompt, list) and isinstance(completion, list):
        return exchange_of([*prompt, *completion])
    return Exchange(text_of(prompt, NO_QUESTION), text_of(completion, NO_ANSWER))


def messages(row: dict[str, Any]) -> Exchange:
    """Read a conversation's first question and answer."""
    if not isinstance(row["messages"], list):
        raise Unusable(NO_TEXT)
    return exchange_of(row["messages"])


def exchange_of(turns: list[Any]) -> Exchange:
    """Return the first question of a conversation, after the system message if any, and its answer. Raises Unusable."""
    said = [(turn.get("role"), turn.get("content")) for turn in turns if isinstance(turn, dict)]
    roles = [role for role, _ in said]
    begin = roles.index("system") + 1 if roles[:1] == ["system"] else 0
    if roles[begin : begin + 2] != ["user", "assistant"]:
        raise Unusable(NO_QUESTION if "user" not in roles else NO_ANSWER)
    texts = [text_of(content, NO_QUESTION) for _, content in said[: begin + 1]]
    return Exchange("\n\n".join(texts), text_of(said[begin + 1][1], NO_ANSWER), len(said) > begin + 2)


READERS: dict[RowFormat, tuple[Callable[[dict[str, Any]], Exchange], tuple[str, ...], tuple[str, ...]]] = {
    "alpaca": (alpaca, ("instruction", "output"), ("input",)),
    "prompt-completion": (prompt_completion, ("prompt", "completion"), ()),
    "messages": (messages, ("messages",), ()),
}
"""Format -> reader, required columns, optional columns. The first format whose required columns exist is used."""


def format_of(columns: Collection[str], question: str, answer: str, where: str, *, named: bool = False) -> RowFormat:
    """Return the format of a dataset with these columns; `question` and `answer` are the two columns of the settings.

    Args:
        named: the user named the two columns, so no other format is tried.

    Raises UserError that lists the columns.
    """
    for name, (_, needed, _) in () if named else READERS.items():
        if set(needed) <= set(columns):
            return name
    if question in columns and answer in columns:
        return "columns"
    raise UserError(
        f"{where} has the columns {', '.join(columns)}: expected instruction and output, prompt and completion, messages, or two "
        f"columns that --data.title_column and --data.content_column name (now {question} and {answer})"
    )


def reader_of(row_format: RowFormat, question: str, answer: str) -> Callable[[dict[str, Any]], Exchange]:
    """Return the function that reads a row of this format."""
    if row_format != "columns":
        return READERS[row_format][0]
    return lambda row: Exchange(text_of(row[question], NO_QUESTION), text_of(row[answer], NO_ANSWER))


def columns_of(row_format: RowFormat, columns: Collection[str], question: str, answer: str) -> list[str]:
    """Return the columns of a dataset that its format reads."""
    if row_format == "columns":
        return [question, answer]
    _, needed, optional = READERS[row_format]
    return [*needed, *(name for name in optional if name in columns)]
