"""eval.yaml: the dataset as a benchmark that `inspect eval hf/NS/DATASET` runs, with the prompt that trainings use.

The fields are those of Inspect AI's reader (`HFTask`) and of the Hub, which validates the file when it is pushed.
"""

from pathlib import Path
from typing import Any

import yaml

from dataset_builder.card.metadata import pretty_name
from dataset_builder.shards.alpaca import published_columns
from titlecraft.hub.pins import read_file
from titlecraft.prompt import PromptFormat
from titlecraft.records import DatasetRecord, Pin
from titlecraft.records.repo_files import HUB_TASKS

MARK = b"# `titlecraft build` writes this file anew. Without this line the file is yours and stays.\n"
TASK, SPLIT, CONFIG = "title_to_description", "test", "default"


def render_hub_tasks(record: DatasetRecord) -> bytes | None:
    """The bytes of eval.yaml: one task over the test split; None if the dataset has no test split.

    Inspect's `prompt_template` puts the sample's input in the place of {prompt}, and its metadata in places with their names.
    """
    if SPLIT not in record.splits:
        return None
    prompt = PromptFormat.from_settings(record.prompt, record.data.keep_columns)
    template = prompt.template.replace("{input}", "{prompt}")
    task = {
        "id": TASK,
        "config": CONFIG,
        "split": SPLIT,
        "field_spec": {"input": "input", "target": "output", "metadata": ["instruction"]},
        "solvers": [{"name": "prompt_template", "args": {"template": template}}, {"name": "generate"}],
        "scorers": [{"name": "f1"}],
    }
    content = {
        "name": pretty_name(record, {}),
        "description": "Write the description of a product from its title. The score is the F1 of words with the published "
        "description; likelihood, which says more about such texts, is what `titlecraft evaluate` measures.",
        "evaluation_framework": "inspect-ai",
        "tasks": [task],
    }
    return MARK + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=120).encode()


def write_hub_tasks(folder: Path, record: DatasetRecord, head: Pin | None) -> None:
    """Write eval.yaml into the folder that will be published on top of `head`, unless the head has one of a person."""
    existing = read_file(head, HUB_TASKS) if head else None
    rendered = render_hub_tasks(record)
    if rendered is not None and (existing is None or is_ours(existing)):
        (folder / HUB_TASKS).write_bytes(rendered)


def is_ours(raw: bytes) -> bool:
    """Whether an eval.yaml still has the line that says that Titlecraft writes it."""
    return raw.replace(b"\r\n", b"\n").startswith(MARK)


def faults_of_tasks(raw: bytes, record: DatasetRecord) -> list[str]:
    """What no reader can do with an eval.yaml: tasks without the required fields, or over splits and columns that do not exist."""
    try:
        content = yaml.safe_load(raw)
    except yaml.YAMLError:
        return ["it is no YAML"]
    if not isinstance(content, dict):
        return ["it is no mapping"]
    missing = [name for name in ("name", "description", "evaluation_framework", "tasks") if not content.get(name)]
    tasks = content.get("tasks")
    faults = [f"without {name}" for name in missing]
    if not isinstance(tasks, list) or not all(isinstance(task, dict) for task in tasks):
        return [*faults, "tasks is no list of mappings"]
    return faults + [fault for number, task in enumerate(tasks, 1) for fault in faults_of_task(task, number, record)]


def faults_of_task(task: dict[str, Any], number: int, record: DatasetRecord) -> list[str]:
    """The faults of one task. Splits and columns are known for the configuration that Titlecraft publishes only."""
    name = f"task {task.get('id') or number}"
    faults = [f"{name}: without {field}" for field in ("id", "field_spec", "solvers", "scorers") if not task.get(field)]
    if task.get("config", CONFIG) != CONFIG:
        return faults
    if (split := task.get("split", SPLIT)) not in record.splits:
        faults.append(f"{name}: no split {split}")
    fields = task.get("field_spec")
    columns = published_columns(record.data)
    for field in ("input", "target"):
        column = fields.get(field) if isinstance(fields, dict) else None
        literal = field == "target" and str(column).startswith("literal:")
        if column not in columns and not literal:
            faults.append(f"{name}: {field} is no column: {column}")
    return faults
