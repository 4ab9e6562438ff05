"""Level card, dataset: the dataset record against the published files and its own arithmetic."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from model_card.verification.lines.checks import Checks, Line
from model_card.verification.repo_state import RepoState
from titlecraft.errors import UserError
from titlecraft.prompt import PROMPT_FILE, PromptFormat
from titlecraft.records import DatasetRecord, digest

QUARANTINE = "quarantine/lines.jsonl"


def verify_dataset(state: RepoState) -> list[Line]:
    """Everything in a dataset record that can be derived without the source."""
    lines = []
    for find in (of_counts, of_files, of_wording, of_quarantine):
        checks = Checks("card", "dataset record")
        lines += checks.gather(find(checks, state))
    return lines


def of_counts(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Every line of the source is published, dropped or quarantined; and the key over all inputs."""
    record = state.dataset
    fates = record.published + sum(record.dropped.values()) + sum(record.quarantined.values())
    yield checks.equal("lines of the source = published + dropped + quarantined", record.source.lines, fates)
    yield checks.equal(
        "lines of all source files", record.source.lines, sum(file.lines for file in record.source.files)
    )
    yield checks.equal(
        "published rows = rows of all splits", record.published, sum(one.rows for one in record.splits.values())
    )
    yield checks.equal("product kinds add up", record.published, sum(record.product_kinds.values()))
    yield checks.equal("key over source, settings and code", record.key, digest(key_inputs(record)))
    prompt = PromptFormat.from_settings(record.prompt).to_json()
    yield checks.equal(f"{PROMPT_FILE} from the settings", prompt.decode(), state.require(PROMPT_FILE).decode())


def key_inputs(record: DatasetRecord) -> dict[str, Any]:
    """What a dataset depends on; see dataset_builder.build.key_of."""
    files = record.source.files
    source = [file.sha256 if len(files) == 1 else f"{file.sha256} {file.name}" for file in files]
    return {"source": source, "data": record.data, "prompt": record.prompt, "code": record.code}


def of_files(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Rows, lengths, product kinds and leakage, counted again in the published parquet files."""
    import numpy as np

    from dataset_builder.statistics import length_distribution

    record = state.dataset
    found = {name: read_split(state, [file.path for file in split.files]) for name, split in record.splits.items()}
    for name, split in record.splits.items():
        yield checks.equal(f"rows of {name}", split.rows, found[name]["rows"])
        if split.bytes_in_memory is not None:
            yield checks.equal(f"bytes in memory of {name}", split.bytes_in_memory, found[name]["bytes"])
        lengths = length_distribution(np.concatenate([np.empty(0, np.int32), *found[name]["lengths"]]))
        for field in ("mean", "median", "p95", "maximum", "counts"):
            yield checks.equal(
                f"length in {name}, {field}", getattr(split.output_length, field), getattr(lengths, field)
            )
    kinds = sum((one["kinds"] for one in found.values()), Counter())
    yield checks.equal("product kinds", record.product_kinds, dict(sorted(kinds.items())))
    train = found["train"]
    for name, leakage in record.leakage.items():
        yield checks.equal(f"leakage of {name}, rows", leakage.rows, found[name]["rows"])
        for field, of in (("shared_titles", "titles"), ("shared_outputs", "outputs")):
            shared = sum(count for key, count in found[name][of].items() if key in train[of])
            yield checks.equal(f"leakage of {name}, {field}", getattr(leakage, field), shared)
        looked = (leakage.near_duplicates is None) == (record.near_duplicates is None or leakage.near_measured == 0)
        if looked:
            yield checks.not_looked_at(
                f"leakage of {name}, near-duplicates", leakage.near_duplicates, "at level data only"
            )
        else:
            yield checks.line(f"leakage of {name}, near-duplicates", leakage.near_duplicates, "not as the record says "
                              "of the whole", False, "none")  # fmt: skip


def read_split(state: RepoState, paths: list[str]) -> dict[str, Any]:
    """Counts over the files of a split: rows, lengths, kinds, and how often which key of a title or an output is there."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from dataset_builder.source.block import text_key
    from dataset_builder.source.parse import product_kind

    found: dict[str, Any] = {
        "rows": 0,
        "bytes": 0,
        "lengths": [],
        "kinds": Counter(),
        "titles": Counter(),
        "outputs": Counter(),
    }
    for path in paths:
        for batch in pq.ParquetFile(required(state, path)).iter_batches(batch_size=10_000):
            found["rows"] += batch.num_rows
            found["bytes"] += sum(pc.sum(pc.binary_length(column)).as_py() or 0 for column in batch.columns)
            found["bytes"] += 4 * batch.num_columns * batch.num_rows
            found["lengths"].append(pc.utf8_length(batch.column("output")).to_numpy(zero_copy_only=False))
            found["kinds"].update(map(product_kind, batch.column("uid").to_pylist()))
            found["titles"].update(map(text_key, batch.column("title").to_pylist()))
            found["outputs"].update(map(text_key, batch.column("output").to_pylist()))
    return found


def of_wording(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Every row is asked as the record's settings ask it; and the example is the first row that is published."""
    import pyarrow.parquet as pq

    from dataset_builder.alpaca import COLUMNS
    from dataset_builder.card.write import first_row
    from dataset_builder.wording import Wording

    record = state.dataset
    wording = Wording.from_settings(record.prompt, record.data.seed)
    for name, split in record.splits.items():
        wrong = rows = 0
        columns: list[list[str]] = []
        for file in split.files:
            table = pq.ParquetFile(required(state, file.path))
            columns.append(table.schema_arrow.names)
            for batch in table.iter_batches(batch_size=10_000, columns=["uid", "title", "instruction", "input"]):
                rows += batch.num_rows
                wrong += sum(
                    wording.of(row["uid"], row["title"]) != (row["instruction"], row["input"])
                    for row in batch.to_pylist()
                )
        yield checks.equal(f"columns of {name}", columns, [list(COLUMNS)] * len(split.files))
        yield checks.equal(f"rows of {name} that are asked as the settings say", rows, rows - wrong)
    if record.example is not None:
        shard = record.splits["train"].files[0].path
        yield checks.equal("example", record.example, first_row(required(state, shard)))
    yield checks.not_looked_at(
        "lines dropped and texts cleaned, by reason; groups", "in the record", "at level data only"
    )


def required(state: RepoState, path: str) -> Path:
    """Where a file lies that a record lists. Raises UserError where it is none of the repo's."""
    file = state.file(path)
    if file is None:
        raise UserError(f"{state.pin} has no {path}")
    return file


def of_quarantine(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Quarantined lines by reason, counted again."""
    reasons = Counter(json.loads(line)["reason"] for line in state.require(QUARANTINE).splitlines())
    yield checks.equal("quarantined lines", state.dataset.quarantined, dict(sorted(reasons.items())))
