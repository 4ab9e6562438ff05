"""Checks after publishing: the dataset loads with the code that its card shows."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dataset_builder.shards.alpaca import published_columns
from titlecraft.errors import UserError
from titlecraft.hub.errors import cause_in_datasets, hub_errors
from titlecraft.hub.loaded_path import loaded_path
from titlecraft.process.quiet import without_datasets_bars
from titlecraft.records import DatasetRecord, Pin

LOADED_WHOLE = 256 << 20  # bytes of parquet; a larger dataset is resolved and not loaded


def require_files(folder: Path, record: DatasetRecord) -> None:
    """Raise UserError unless the downloaded parquet files have the rows and columns of the record."""
    import pyarrow.parquet as pq

    expected = published_columns(record.data)
    for name, split in record.splits.items():
        parquet_files = [pq.ParquetFile(folder / file.path) for file in split.files]
        rows = sum(file.metadata.num_rows for file in parquet_files)
        columns = {tuple(file.schema_arrow.names) for file in parquet_files}
        if rows != split.rows or columns != {expected}:
            raise UserError(
                f"split {name} of {folder} has {rows} rows and columns {columns}: expected {split.rows} and {expected}"
            )


def require_loads(published: Pin, record: DatasetRecord) -> None:
    """Load the published revision with `load_dataset(repo)` into an empty cache; check rows and columns of every split.

    Of a dataset larger than LOADED_WHOLE bytes only the card's configs, features and splits are checked, as `datasets`
    resolves them from the Hub; `require_files` has checked its files. Raise UserError if the result differs from the record.
    """
    size = sum(file.bytes for split in record.splits.values() for file in split.files)
    try:
        with (
            hub_errors(f"loading {published}", published.repo, published.type),
            tempfile.TemporaryDirectory() as cache,
            without_datasets_bars(),
        ):
            loaded = load_whole(published, cache) if size <= LOADED_WHOLE else resolve(published, cache)
    except UserError:
        raise
    except Exception as error:
        cause = cause_in_datasets(error)
        raise UserError(
            f"{published} was published, but load_dataset({published.repo!r}) fails: {type(cause).__name__}: "
            f"{' '.join(str(cause).split())}"
        ) from error
    columns = [f"{name}: string" for name in published_columns(record.data)]
    expected = {name: (split.rows, columns) for name, split in record.splits.items()}
    if loaded != expected:
        raise UserError(
            f"{published} was published, but load_dataset({published.repo!r}) gives {loaded}: expected {expected}"
        )


def typed(features: Mapping[str, Any]) -> list[str]:
    """Return the columns with their types."""
    return [f"{name}: {feature.dtype}" for name, feature in features.items()]


def load_whole(published: Pin, cache: str) -> dict[str, tuple[int, list[str]]]:
    """Load all splits; return rows and columns of each."""
    from datasets import load_dataset

    splits = load_dataset(
        loaded_path(published.repo), revision=published.revision, cache_dir=cache, trust_remote_code=False
    )
    return {str(name): (len(split), typed(split.features)) for name, split in splits.items()}


def resolve(published: Pin, cache: str) -> dict[str, tuple[int, list[str]]]:
    """Return rows and columns of each split as the card's metadata states them to `datasets`; no row is read.

    Raises ValueError if `datasets` finds no file for a split.
    """
    from datasets import load_dataset_builder

    builder = load_dataset_builder(loaded_path(published.repo), revision=published.revision, cache_dir=cache)
    files: Any = builder.config.data_files
    splits: Any = builder.info.splits
    if missing := [name for name in splits if not files.get(name)]:
        raise ValueError(f"no file of split {missing[0]}")
    return {str(name): (splits[name].num_examples, typed(builder.info.features or {})) for name in files}
