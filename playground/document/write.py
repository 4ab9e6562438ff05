"""titlecraft document --adapter NS/NAME[@REV] --out DIR: write the document about a run from its records.

Start reading here. The texts are in templates/ and the pictures come from the repos. All numbers come from dataset_record.json,
training_record.json, report.json and prompt.json at their pinned revisions.
"""

import json
import shlex
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from evaluation.report.wording import coverage
from model_card.inputs import read_card_inputs
from model_card.named_records import EXAMPLE_TITLE
from playground.document.page import render_page
from playground.document.words import Language, cell, fenced
from titlecraft.cards.templates import markdown_templates
from titlecraft.errors import UserError
from titlecraft.hub.pins import download, endpoint, pin
from titlecraft.prompt import PromptFormat
from titlecraft.records import (
    DATASET_RECORD,
    REPORT,
    TRAINING_RECORD,
    DatasetRecord,
    EvaluationRecord,
    Pin,
    TrainingRecord,
)
from titlecraft.records.repo_files import REPORT_PAGE
from titlecraft.settings import Base, Data, Generation, Lora, Training

EXAMPLES, EXAMPLE_CHARACTERS = 3, 600
SECTIONS = {"data": Data, "base": Base, "lora": Lora, "training": Training, "generation": Generation}


@dataclass(frozen=True)
class Run:
    """The records of one adapter.

    Args:
        adapter: the adapter repo at the revision of the document.
        data: the dataset record; None if the dataset repo has none.
        report: the report about this adapter; None if there is none at that revision.
        examples: the first rows of the report's predictions.
        pictures: file name -> PNG.
    """

    adapter: Pin
    record: TrainingRecord
    prompt: PromptFormat
    data: DatasetRecord | None
    report: EvaluationRecord | None
    examples: list[dict[str, str]]
    pictures: dict[str, bytes]


def read_run(reference: str) -> Run:
    """Read the records of an adapter at their pinned revisions. Raises UserError if it is not a Titlecraft adapter."""
    adapter = pin(reference, "model")
    found = read_card_inputs(None, adapter)
    folders = ["assets", *([f"evaluation/{found.report.id}"] if found.report else [])]
    return Run(
        adapter=adapter,
        record=found.training,
        prompt=found.prompt,
        data=found.dataset,
        report=found.report,
        examples=[first_words(row) for row in found.rows[:EXAMPLES]],
        pictures=pictures_of(found.training.dataset, "assets") | pictures_of(adapter, *folders),
    )


def first_words(row: dict[str, Any]) -> dict[str, str]:
    """The title, reference and both answers of a row of predictions, truncated."""
    texts = {name: row[name] for name in ("title", "reference", "before", "after")}
    return {
        name: text if len(text) <= EXAMPLE_CHARACTERS else text[:EXAMPLE_CHARACTERS] + " […]"
        for name, text in texts.items()
    }


def pictures_of(pinned: Pin, *folders: str) -> dict[str, bytes]:
    """The PNG files in these folders of a repo, by name."""
    local = download(pinned, [f"{folder}/*.png" for folder in folders])
    return {file.name: file.read_bytes() for folder in folders for file in sorted((local / folder).glob("*.png"))}


def settings_of(*parts: tuple[str, Any]) -> list[tuple[str, Any, bool]]:
    """The settings of these sections: dotted name, value, and whether it differs from the default."""
    return [
        (
            f"{section}.{field.name}",
            getattr(settings, field.name),
            getattr(settings, field.name) != getattr(SECTIONS[section](), field.name),
        )
        for section, settings in parts
        for field in fields(settings)
        if field.name not in ("repo", "revision")  # the document lists them as pins
    ]


def command_again(run: Run, you: str) -> str:
    """The command that repeats the training, with all settings that differ from the defaults."""
    record = run.record
    sections = {
        "base": record.base_settings,
        "lora": record.lora,
        "training": record.training,
        "generation": record.generation,
    }
    changed = {"base.repo": record.base.repo, "base.revision": record.base.revision}
    changed |= {name: value for name, value, differs in settings_of(*sections.items()) if differs}
    options = [f"--{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in changed.items()]
    first = f"titlecraft train --dataset {record.dataset.repo}@{record.dataset.revision} --repo {you}/{run.adapter.repo.split('/')[1]}"
    return " \\\n  ".join([first, *map(shlex.quote, options)])


def render(run: Run, language: Language) -> str:
    """The document as Markdown."""
    environment = markdown_templates("playground.document")
    names = ("count", "number", "signed", "percent", "value", "label", "unit", "definition", "lacking", "link")
    environment.filters |= {name: getattr(language, name) for name in names} | {"fenced": fenced, "cell": cell}
    environment.globals["settings_table"] = language.settings_table
    record, report, adapter = run.record, run.report, run.adapter
    at = f"{language.endpoint}/{adapter.repo}/resolve/{adapter.revision}"
    dataset = f"{language.endpoint}/datasets/{record.dataset.repo}/resolve/{record.dataset.revision}"
    evaluation = f"{at}/evaluation/{report.id}" if report else None
    return environment.get_template(f"document.{language.code}.md.jinja").render(
        **vars(run),
        words=language.words,
        amazon_titles=run.data is not None and run.data.source.is_amazon_titles,
        base_name=record.base.repo.split("/")[1],
        primary=report and report.primary(),
        blocks=blocks_of(report, language),
        defined=report and report.measures + report.also,
        confidence=report and coverage(report.evaluation),
        data_settings=run.data and settings_of(("data", run.data.data)),
        model_settings=settings_of(("base", record.base_settings), ("lora", record.lora)),
        training_settings=settings_of(("training", record.training)),
        generation_settings=settings_of(("generation", record.generation)),
        prompt_text=run.prompt.render(run.prompt.instruction, run.prompt.question),
        example_characters=EXAMPLE_CHARACTERS,
        command=command_again(run, language.words["you"]),
        ask=f'titlecraft ask --adapter {adapter.repo}@{adapter.revision} "{EXAMPLE_TITLE}"',
        report_address=f"{evaluation}/{REPORT_PAGE}",
        report_json_address=f"{evaluation}/{REPORT}",
        training_record_address=f"{at}/{TRAINING_RECORD}",
        dataset_record_address=f"{dataset}/{DATASET_RECORD}",
    )


def blocks_of(report: EvaluationRecord | None, language: Language) -> list[tuple[str, Any]]:
    """The groups of measures with their headings in the language."""
    headings = language.words["blocks"]
    return [
        (headings.get(heading, headings["sampled"]), measures)
        for heading, measures in (report.blocks() if report else [])
    ]


def write_document(reference: str, languages: list[str], out: Path) -> list[Path]:
    """Write the document as Markdown with assets/ and as HTML, in each language; returns the paths of the documents.

    Raises UserError: not a Titlecraft adapter, `out` is a file, the Hub is unreachable.
    """
    if out.exists() and not out.is_dir():
        raise UserError(f"--out {out} is a file: expected a folder, or a path that does not exist yet")
    run = read_run(reference)
    (out / "assets").mkdir(parents=True, exist_ok=True)
    written = []
    for code in languages:
        language = Language(code, endpoint())
        text, name = render(run, language), language.words["file"]
        for picture, content in run.pictures.items():
            if f"(assets/{picture})" in text:
                (out / "assets" / picture).write_bytes(content)
        (out / f"{name}.md").write_text(text, encoding="utf-8")
        (out / f"{name}.html").write_text(render_page(text, code, run.pictures), encoding="utf-8")
        written += [out / f"{name}.md", out / f"{name}.html"]
    return written
