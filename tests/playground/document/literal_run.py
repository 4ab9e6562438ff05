"""Runs with literal records; the golden documents are rendered from them."""

from msgspec.structs import replace

from model_card.named_records import EXAMPLE_TITLE
from playground.document.words import Language
from playground.document.write import Run
from tests.model_card.literal_evaluation import evaluation_record
from tests.model_card.literal_records import ADAPTER, dataset_record, training_record
from titlecraft.prompt import PromptFormat
from titlecraft.settings import Prompt

HUB = "https://huggingface.co"
EXAMPLE = {
    "title": EXAMPLE_TITLE,
    "reference": "A tutu | in yellow.",
    "before": "```\n<script>alert(1)</script>",
    "after": "A yellow tutu.",
}


def evaluated() -> Run:
    """A run with all measurements; titles were excluded, and one measure shows no difference."""
    report = replace(evaluation_record(), excluded={"title_in_train": 1234})
    pictures = dict.fromkeys(["splits.png", "output_length.png", "training_loss.png", "forest.png"], b"\x89PNG")
    return Run(
        adapter=ADAPTER,
        record=training_record("llama3"),
        prompt=PromptFormat.from_settings(Prompt()),
        data=dataset_record(),
        report=report,
        examples=[EXAMPLE],
        pictures=pictures,
    )


def bare() -> Run:
    """A run without dataset record, report, examples and pictures."""
    return Run(
        adapter=ADAPTER,
        record=training_record("other"),
        prompt=PromptFormat.from_settings(Prompt()),
        data=None,
        report=None,
        examples=[],
        pictures={},
    )


def language(code: str) -> Language:
    return Language(code, HUB)
