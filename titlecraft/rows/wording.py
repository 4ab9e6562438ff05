"""The prompt of a dataset that `titlecraft build` did not publish."""

from titlecraft.prompt import PromptFormat
from titlecraft.records.rows import ReadRows

QUESTIONS = PromptFormat(
    instruction="",
    question="{title}",
    template="Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
    "### Instruction:\n{instruction}{input}\n\n### Response:\n",
)
"""The prompt of a dataset of questions: Stanford Alpaca's template without an input."""


def prompt_of_rows(rows: ReadRows) -> PromptFormat:
    """Return the prompt of such a dataset in Alpaca's template; for two named columns, with the recipe's wording."""
    if rows.format != "columns":
        return QUESTIONS
    return PromptFormat(instruction=rows.settings.instruction, question=rows.settings.question)
