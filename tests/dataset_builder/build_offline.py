"""Both passes of the builder without a Hub, for tests that look at what would be published."""

from pathlib import Path
from typing import Any

from dataset_builder.engine.interface import Engine
from dataset_builder.engine.local import local_engine
from dataset_builder.source.catalogue import find_files
from dataset_builder.source.examine import examine_files
from dataset_builder.write_dataset import write_dataset
from titlecraft.prompt import PromptFormat
from titlecraft.records import DatasetRecord, current_code
from titlecraft.settings import Data, Prompt, Recipe


def build_offline(
    source: Path | list[str], work: Path, data: Data, *, workers: int = 1, prompt: Prompt | None = None, **options: Any
) -> DatasetRecord:
    """Write the dataset into `work`/publish and return its record."""
    with local_engine(workers) as engine:
        return build_with(engine, source, work, data, prompt=prompt, **options)


def build_with(
    engine: Engine, source: Path | list[str], work: Path, data: Data, *, prompt: Prompt | None = None, **options: Any
) -> DatasetRecord:
    """The same with any engine."""
    folder = work / "publish"
    folder.mkdir(parents=True)
    recipe = Recipe(data=data, prompt=prompt or Prompt())
    files = examine_files(find_files(source if isinstance(source, list) else [str(source)]), engine.in_order)
    return write_dataset(
        files,
        recipe,
        PromptFormat.from_settings(recipe.prompt),
        work,
        folder,
        engine,
        code=current_code("dataset_builder"),
        contents=engine.hash(files),
        **options,
    )
