"""The records behind a card as plain values, under the names in the paths of claims: training, report, dataset, ..."""

from typing import Any

import msgspec

from model_card.inputs import CardInputs
from model_card.samples import choose_samples
from titlecraft.models.base.published_template import NO_TEMPLATE
from titlecraft.records import PREDICTIONS, REPORT, TRAINING_RECORD, TrainingRecord
from titlecraft.records.repo_files import CHAT_TEMPLATE

EXAMPLE_TITLE = "Adult Ballet Tutu Yellow"  # of the original notebook; for a dataset without an example on record
NO_INTERVAL = "none"
TITLES_TASK = "writes a product description from a product title"
QUESTIONS_TASK = "answers questions as its dataset does"
SETTINGS = ("base_settings", "lora", "training", "generation")


def named_records(inputs: CardInputs) -> dict[str, Any]:
    """All values that claims may use. An unknown value is None or missing."""
    training, report = msgspec.to_builtins(inputs.training), msgspec.to_builtins(inputs.report)
    for section in SETTINGS:  # a null setting is "not set"; a claim would take None for "not measured"
        training[section] = {name: "not set" if value is None else value for name, value in training[section].items()}
    for measures in measure_lists(report):
        for measure in measures:  # a claim would take None for "not measured"
            measure |= {end: NO_INTERVAL for end in ("low", "high") if measure[end] is None}
    paths = sorted(inputs.files)
    return {
        "training": training,
        "report": report,
        "dataset": msgspec.to_builtins(inputs.dataset),
        "prompt": {
            "with_title": inputs.prompt.render_title("{title}"),
            "example": inputs.prompt.render_title(example_title(inputs)),
            "format": inputs.prompt.format,
            "task": QUESTIONS_TASK if asks(inputs.training) else TITLES_TASK,
            "subject": "question" if asks(inputs.training) else "product title",
            "template": CHAT_TEMPLATE if renders_the_prompt(inputs.training) else None,
            "message": example_title(inputs) if inputs.prompt.format == "chat" else None,
        },
        "repo": {
            "id": inputs.repo,
            "paths": paths,
            "files": {path: path for path in paths},
            "records": records_in(inputs),
        },
        "licence": {"name": inputs.training.licence.name or inputs.training.licence.id},
        "citation": {
            "sources": [measure.source for measure in [*inputs.report.measures, *inputs.report.also]]
            if inputs.report
            else [],
            "amazon_titles": inputs.of_amazon_titles,
        },
        "samples": choose_samples(inputs.report, inputs.rows) if inputs.report else None,
    }


def measure_lists(report: dict[str, Any] | None) -> list[list[dict[str, Any]]]:
    """The lists of measures of a report as plain values."""
    return [report[name] for name in ("measures", "sampled", "also")] if report else []


def example_title(inputs: CardInputs) -> str:
    """The title of the quick start: the first of the dataset's rows, if its record has one, or a title of AmazonTitles."""
    example = inputs.dataset.example if inputs.dataset else None
    title = (example or {}).get("title", "")
    return title if title and "\n" not in title else EXAMPLE_TITLE


def asks(training: TrainingRecord) -> bool:
    """Whether the dataset has questions of any kind, and not titles of products."""
    return training.rows is not None and training.rows.format != "columns"


def renders_the_prompt(training: TrainingRecord) -> bool:
    """Whether the published tokenizer has a chat template that renders the prompt of the training."""
    return training.trained_prompt is not None and training.template_note != NO_TEMPLATE


def records_in(inputs: CardInputs) -> list[str]:
    """The paths of the records in the repo that the card's numbers come from."""
    reported = [f"evaluation/{inputs.report.id}/{name}" for name in (REPORT, PREDICTIONS)] if inputs.report else []
    return [TRAINING_RECORD, *reported]
