"""Runs both passes of the builder without a Hub, for tests of the files that would be published."""

from pathlib import Path
from typing import Any

from dataset_builder.engine.interface import Engine
from dataset_builder.engine.local import local_engine
from dataset_builder.options import BuildHooks, BuildOptions
from dataset_builder.source.examine import examine_files
from dataset_builder.source.find_files import find_files
from dataset_builder.write_dataset import write_dataset
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
    """Write the dataset with the given engine; `options` are fields of BuildOptions, and `warn`."""
    work.mkdir(parents=True, exist_ok=True)  # Ray's workers need the folder before the first task
    recipe = Recipe(data=data, prompt=prompt or Prompt())
    files = examine_files(find_files(source if isinstance(source, list) else [str(source)]), data, engine.in_order)
    hooks = BuildHooks(engine.hash(files), warn=options.pop("warn", lambda message: None))
    options.setdefault("max_loss", 1.0)
    build_options = BuildOptions(**options)
    return write_dataset(files, recipe, work, engine, current_code("dataset_builder"), hooks, build_options)
