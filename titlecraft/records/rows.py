"""How the rows of a dataset that Titlecraft did not build were read: format, columns, and the splits that were drawn."""

from typing import Literal

from titlecraft.records.base import Record
from titlecraft.settings import Recipe

RowFormat = Literal["alpaca", "prompt-completion", "messages", "columns"]


class RowSettings(Record, frozen=True):
    """The settings that decide how such rows are read; each is the recipe's setting of that name, in `data` or `prompt`.

    Title and content column, instruction and question count only for a dataset of two named columns.
    """

    title_column: str
    content_column: str
    validation_share: float
    test_share: float
    seed: int
    instruction: str
    question: str

    @classmethod
    def of(cls, recipe: Recipe) -> "RowSettings":
        """Return the settings of a recipe."""
        word = "product" if recipe.prompt.product_word == "auto" else recipe.prompt.product_word
        instruction, question = (
            text.replace("{product}", word) for text in (recipe.prompt.instruction, recipe.prompt.question)
        )
        data = recipe.data
        return cls(
            title_column=data.title_column,
            content_column=data.content_column,
            validation_share=data.validation_share,
            test_share=data.test_share,
            seed=data.seed,
            instruction=instruction,
            question=question,
        )


class ReadRows(Record, frozen=True):
    """How the rows were read, and how many there are.

    `columns` are those that were read. `published` are the splits of the dataset, by the name that they have here, and `drawn`
    the shares of splits that were drawn from the training split by a keyed hash, so that rows with the same question or answer
    are in one split. `left_out` counts rows by reason; `goes_on` those of which only the first exchange was read.
    """

    settings: RowSettings
    format: RowFormat
    columns: list[str]
    published: dict[str, str]
    drawn: dict[str, float]
    rows: dict[str, int]
    left_out: dict[str, int]
    goes_on: int

    def __str__(self) -> str:
        drawn = ", ".join(f"{name} {share:.3g} of the rows" for name, share in self.drawn.items())
        parts = [
            f"format {self.format} (columns {', '.join(self.columns)})",
            ", ".join(f"{name} {rows:,}" for name, rows in self.rows.items()),
            f"drawn by a keyed hash: {drawn}" if drawn else "",
            f"left out: {', '.join(f'{why} {rows:,}' for why, rows in self.left_out.items())}" if self.left_out else "",
            f"only the first exchange of {self.goes_on:,} rows" if self.goes_on else "",
        ]
        return "; ".join(part for part in parts if part)
