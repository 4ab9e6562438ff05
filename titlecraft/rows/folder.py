"""The rows of a dataset as parquet files by split, with the columns uid, title, instruction, input and output.

A dataset that `titlecraft build` published has these files. Any other dataset is converted once per revision and settings: its
format is inferred from its columns, and missing splits are drawn from the training split. The result is cached below HF_HOME.
"""

import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import xxhash
from filelock import FileLock

from titlecraft.errors import UserError
from titlecraft.hub.errors import cause_in_datasets, first_line, hub_errors
from titlecraft.hub.loaded_path import loaded_path
from titlecraft.hub.pins import download, read_file
from titlecraft.records.base import Pin, digest, read_record
from titlecraft.records.repo_files import PROMPT_FILE
from titlecraft.records.rows import ReadRows, RowSettings
from titlecraft.rows.formats import Exchange, Unusable, columns_of, format_of, reader_of
from titlecraft.search.title_match import folded
from titlecraft.settings import Data

VERSION = 1  # increase it when a dataset is converted differently
FACTS = "rows.json"
NAMES = {
    "train": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "dev": "validation",
    "test": "test",
}
SCHEMA = pa.schema({name: pa.string() for name in ("uid", "title", "instruction", "input", "output")})
MOST_DRAWN = {
    "test": (200, 0.2),
    "validation": (32, 0.1),
}  # (rows that the split should have, maximum share of all rows)
DEFAULT_COLUMNS = (Data().title_column, Data().content_column)


def settings_for(dataset: Pin, settings: RowSettings) -> RowSettings | None:
    """Return the settings, or None if `titlecraft build` published the dataset."""
    return settings if read_file(dataset, PROMPT_FILE) is None else None


def rows_folder(dataset: Pin, settings: RowSettings | None) -> Path:
    """Return the folder with data/SPLIT-*.parquet of a dataset. Raises UserError if its rows cannot be read.

    Args:
        settings: how rows are read; None for a dataset that `titlecraft build` published.
    """
    require_no_namesake(dataset)
    if settings is None:
        return download(dataset, ["data/*.parquet"])
    folder = cached_folder(dataset, settings)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not (folder / FACTS).is_file():
            unfinished = folder.with_name(f"{folder.name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            (unfinished / "data").mkdir(parents=True)
            read = convert(dataset, settings, unfinished)
            (unfinished / FACTS).write_bytes(read.to_json())
            unfinished.replace(folder)
    return folder


def require_no_namesake(dataset: Pin) -> None:
    """Raise UserError if the working directory has a folder with the dataset's name, which `datasets` would read instead."""
    if Path(dataset.repo).exists():
        raise UserError(
            f"{Path(dataset.repo).absolute()} has the name of dataset {dataset.repo}, and would be read instead of it: run the "
            "command in another folder"
        )


def read_rows(dataset: Pin, settings: RowSettings) -> ReadRows:
    """Return the record of how a dataset was converted. Raises UserError if its rows cannot be read."""
    file = rows_folder(dataset, settings) / FACTS
    return read_record(file.read_bytes(), ReadRows, str(file))


def cached_folder(dataset: Pin, settings: RowSettings) -> Path:
    """Return the cache folder for a dataset's revision and settings."""
    from huggingface_hub import constants

    name = f"{dataset.revision}-{digest({'settings': settings})[:16]}-v{VERSION}"
    return Path(constants.HF_HOME) / "titlecraft" / "rows" / name


def convert(dataset: Pin, settings: RowSettings, folder: Path) -> ReadRows:
    """Write the rows of each split into `folder` and return the record. Raises UserError if the dataset has no usable rows."""
    splits = load_splits(dataset)
    names = [name for name in splits if name in NAMES] or list(splits)[:1]
    published = {NAMES.get(name, "train"): name for name in reversed(names)}
    if "train" not in published:
        raise UserError(f"dataset {dataset} has no split train: it has {', '.join(splits)}")
    columns = splits[published["train"]].column_names
    chosen = (settings.title_column, settings.content_column)
    row_format = format_of(columns, *chosen, f"the training split of {dataset}", named=chosen != DEFAULT_COLUMNS)
    read, used = reader_of(row_format, *chosen), columns_of(row_format, columns, *chosen)
    left_out: Counter[str] = Counter()
    tables, goes_on = {}, 0
    for split, name in published.items():
        if missing := [column for column in used if column not in splits[name].column_names]:
            raise UserError(
                f"the split {name} of {dataset} lacks the column {missing[0]}, which its training split has"
            )
        rows = splits[name].select_columns(used)
        exchanges: list[tuple[str, Exchange]] = []
        for number, row in enumerate(rows):
            try:
                exchanges.append((f"{name}-{number}", read(row)))
            except Unusable as reason:
                left_out[str(reason)] += 1
        goes_on += sum(exchange.goes_on for _, exchange in exchanges)
        tables[split] = table_of(exchanges, settings if row_format == "columns" else None)
    if not len(tables["train"]):
        raise UserError(f"the training split of {dataset} has no row that can be used: {dict(left_out)}")
    drawn = draw_missing(tables, settings)
    for split, table in tables.items():
        pq.write_table(table, folder / "data" / f"{split}-00000-of-00001.parquet", compression="zstd")
    return ReadRows(
        settings=settings,
        format=row_format,
        columns=used,
        published=dict(sorted(published.items())),
        drawn=drawn,
        rows={split: len(table) for split, table in sorted(tables.items())},
        left_out=dict(sorted(left_out.items())),
        goes_on=goes_on,
    )


def load_splits(dataset: Pin) -> Any:
    """Return the splits of a dataset at its pin, by name. Raises UserError if they cannot be read."""
    import datasets
    from datasets.exceptions import DatasetsError

    try:
        with hub_errors(f"loading {dataset}", dataset.repo, dataset.type):
            found = datasets.load_dataset(loaded_path(dataset.repo), revision=dataset.revision, trust_remote_code=False)
    except (ValueError, OSError, RuntimeError, DatasetsError) as error:
        raise UserError(
            f"dataset {dataset} cannot be read ({first_line(cause_in_datasets(error))}): expected one configuration of parquet, "
            "JSON, CSV or text files"
        ) from error
    return found


def table_of(exchanges: Iterable[tuple[str, Exchange]], named: RowSettings | None) -> pa.Table:
    """Return a table with SCHEMA.

    Args:
        exchanges: pairs of uid and exchange.
        named: for two named columns: the settings whose question is put around the title.
    """
    rows = []
    for uid, exchange in exchanges:
        asked = named.question.replace("{title}", exchange.question) if named else exchange.question
        instruction = named.instruction if named else ""
        values = (uid, exchange.question, instruction, asked, exchange.answer)
        rows.append(dict(zip(SCHEMA.names, values, strict=True)))
    return pa.Table.from_pylist(rows, schema=SCHEMA)


def draw_missing(tables: dict[str, pa.Table], settings: RowSettings) -> dict[str, float]:
    """Draw missing splits from the training split, in place; return their shares.

    Rows with the same question or answer form a group and stay together. For a small dataset the share is increased, up to
    MOST_DRAWN.
    """
    train = tables["train"]
    shares = {"test": settings.test_share, "validation": settings.validation_share}
    drawn = {}
    for split, (rows, most) in MOST_DRAWN.items():
        if split not in tables:
            drawn[split] = round(max(shares[split], min(most, rows / len(train))), 6)
    keys = [
        np.array([xxhash.xxh3_64_intdigest(folded(text)) for text in train.column(name).to_pylist()], dtype=np.uint64)
        for name in ("title", "output")
    ]
    from titlecraft.rows.groups import (  # imports scipy, which is slow and not always needed
        group_rows,
        uniform_hash,
    )

    position = uniform_hash(group_rows(*keys), settings.seed, "split")
    begin, taken = 0.0, np.zeros(len(train), dtype=bool)
    for split, share in drawn.items():
        chosen = (position >= begin) & (position < begin + share)
        begin, taken = begin + share, taken | chosen
        tables[split] = train.filter(pa.array(chosen))
    tables["train"] = train.filter(pa.array(~taken))
    return drawn
