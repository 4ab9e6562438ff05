"""Does a published dataset load as its users will load it, by the lines that its card shows?"""

import errno
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dataset_builder.shards.alpaca import COLUMNS
from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors
from titlecraft.records import DatasetRecord, Pin

EXPECTED = [f"{name}: string" for name in COLUMNS]
LOADED_WHOLE = 256 << 20  # bytes of parquet; a larger dataset is resolved and not loaded


def require_files(folder: Path, record: DatasetRecord) -> None:
    """Every parquet file that came back has the rows and the columns of the record. Raises UserError where it has not."""
    import pyarrow.parquet as pq

    for name, split in record.splits.items():
        found = [pq.ParquetFile(folder / file.path) for file in split.files]
        rows = sum(file.metadata.num_rows for file in found)
        columns = {tuple(file.schema_arrow.names) for file in found}
        if rows != split.rows or columns != {COLUMNS}:
            raise UserError(
                f"split {name} of {folder} has {rows} rows and columns {columns}: expected {split.rows} and {COLUMNS}"
            )


def require_loads(published: Pin, record: DatasetRecord) -> None:
    """Load the published state as the card says, `load_dataset(repo)`, into a fresh cache; every split, its rows and columns.

    A dataset of more than LOADED_WHOLE bytes goes through the same code as far as that costs no minutes: the card's configs,
    features and splits as `datasets` resolves them from the Hub; `require_files` has counted the rows of its files and looked
    at their columns. Raises UserError where what comes is not what was recorded.
    """
    size = sum(file.bytes for split in record.splits.values() for file in split.files)
    try:
        with (
            hub_errors(f"loading {published}", published.repo, published.type),
            tempfile.TemporaryDirectory() as cache,
            without_datasets_bars(),
        ):
            found = load_whole(published, cache) if size <= LOADED_WHOLE else resolve(published, cache)
    except UserError:
        raise
    except Exception as error:
        cause = error.__cause__ or error
        if isinstance(cause, OSError) and cause.errno == errno.ENOSPC:  # `datasets` wraps it
            raise cause from error
        raise UserError(
            f"{published} was published, but load_dataset({published.repo!r}) fails: {type(cause).__name__}: "
            f"{' '.join(str(cause).split())}"
        ) from error
    expected = {name: (split.rows, EXPECTED) for name, split in record.splits.items()}
    if found != expected:
        raise UserError(
            f"{published} was published, but load_dataset({published.repo!r}) gives {found}: expected {expected}"
        )


def typed(features: Mapping[str, Any]) -> list[str]:
    """The columns with their types."""
    return [f"{name}: {feature.dtype}" for name, feature in features.items()]


def load_whole(published: Pin, cache: str) -> dict[str, tuple[int, list[str]]]:
    """Rows and columns of each split, loaded without streaming."""
    from datasets import load_dataset

    splits = load_dataset(published.repo, revision=published.revision, cache_dir=cache, trust_remote_code=False)
    return {str(name): (len(split), typed(split.features)) for name, split in splits.items()}


def resolve(published: Pin, cache: str) -> dict[str, tuple[int, list[str]]]:
    """Rows and columns of each split as the card states them to `datasets`, whose resolution also has to find its files.

    Raises ValueError where a split has no file. No row is read.
    """
    from datasets import load_dataset_builder

    builder = load_dataset_builder(published.repo, revision=published.revision, cache_dir=cache)
    files: Any = builder.config.data_files
    stated: Any = builder.info.splits
    if missing := [name for name in stated if not files.get(name)]:
        raise ValueError(f"no file of split {missing[0]}")
    return {str(name): (stated[name].num_examples, typed(builder.info.features or {})) for name in files}


@contextmanager
def without_datasets_bars() -> Iterator[None]:
    """Without the bars of `datasets`, which count rows that nobody waits for here."""
    from datasets.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    if are_progress_bars_disabled():
        yield
        return
    disable_progress_bars()
    try:
        yield
    finally:
        enable_progress_bars()
