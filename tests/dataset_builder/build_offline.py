"""Both passes of the builder without a Hub, for tests that look at what would be published."""

from pathlib import Path
from typing import Any

from dataset_builder.build import write_dataset
from dataset_builder.processes import worker_processes
from titlecraft.prompt import PromptFormat
from titlecraft.records import DatasetRecord, current_code, file_sha256
from titlecraft.settings import Data, Prompt, Recipe


def build_offline(
    source: Path, work: Path, data: Data, *, workers: int = 1, prompt: Prompt | None = None, **options: Any
) -> DatasetRecord:
    """Write the dataset into `work`/publish and return its record."""
    folder = work / "publish"
    folder.mkdir(parents=True)
    recipe = Recipe(data=data, prompt=prompt or Prompt())
    with worker_processes(workers) as in_order:
        record, _ = write_dataset(
            source, recipe, PromptFormat.from_settings(recipe.prompt), work, folder, in_order,
            code=current_code("dataset_builder"), sha256=lambda: file_sha256(source), **options,
        )  # fmt: skip
    return record
