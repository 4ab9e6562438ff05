"""Level card, dataset: compares the dataset record with the published files and checks that its counts add up."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dataset_builder.card.hub_tasks import TASK, faults_of_tasks, is_ours, render_hub_tasks
from dataset_builder.card.write import first_row
from dataset_builder.shards.alpaca import published_columns
from dataset_builder.shards.product_kind import product_kind
from dataset_builder.shards.statistics import length_distribution
from dataset_builder.shards.wording import Wording
from dataset_builder.source.block import text_key
from dataset_builder.source.columns import configured_names
from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from titlecraft.prompt import PromptFormat
from titlecraft.records import DATASET_RECORD, DatasetRecord, Leakage, digest, sources_sha256
from titlecraft.records.repo_files import HUB_TASKS, PROMPT_FILE, QUARANTINE
from titlecraft.records.setting_names import IN_RECORDS

BATCH_ROWS = 10_000


def verify_dataset(state: RepoState) -> list[Line]:
    """Lines about everything in a dataset record that can be recomputed without the source."""
    lines = []
    for check in (check_counts, check_splits, check_prompts, check_quarantine, check_hub_tasks):
        checks = Checks("card", "dataset record")
        lines += checks.gather(check(checks, state))
    return lines


def check_counts(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Every line of the source is published, dropped or quarantined; and the key is the digest of all inputs."""
    record = state.dataset
    accounted = record.published + sum(record.dropped.values()) + sum(record.quarantined.values())
    lines_of_files = sum(file.lines for file in record.source.files)
    rows_of_splits = sum(split.rows for split in record.splits.values())
    yield checks.equal("lines of the source = published + dropped + quarantined", record.source.lines, accounted)
    yield checks.equal("lines of all source files", record.source.lines, lines_of_files)
    yield checks.equal("published rows = rows of all splits", record.published, rows_of_splits)
    yield checks.equal("product kinds add up", record.published, sum(record.product_kinds.values()))
    keys = (digest(record.key_inputs()), digest(key_inputs_as_listed(state)))
    yield checks.equal("key over source, settings and code", record.key, record.key if record.key in keys else keys[0])
    prompt = PromptFormat.from_settings(record.prompt, record.data.keep_columns).to_json()
    yield checks.equal(f"{PROMPT_FILE} from the settings", prompt.decode(), state.require(PROMPT_FILE).decode())


def check_hub_tasks(checks: Checks, state: RepoState) -> Iterator[Line]:
    """eval.yaml is the one that the record gives, or a person's that can be read."""
    raw, record = state.read(HUB_TASKS), state.dataset
    if raw is None:
        return
    faults = faults_of_tasks(raw, record)
    yield checks.equal(f"{HUB_TASKS}: tasks that cannot be run", "; ".join(faults) or "none", "none")
    if not is_ours(raw):
        yield checks.not_looked_at(
            HUB_TASKS, "a person's", "tasks as above", f"`{TASK}` of `titlecraft build` is another"
        )
        return
    rendered = (render_hub_tasks(record) or b"").decode()
    if raw.decode("utf-8", "replace") == rendered or record.code.sources == sources_sha256("dataset_builder"):
        yield checks.equal(f"{HUB_TASKS} from the record", raw.decode("utf-8", "replace"), rendered)
    else:
        yield checks.could_not_be_looked_at(
            f"{HUB_TASKS} from the record", "there", "another text", "here is other code"
        )


def key_inputs_as_listed(state: RepoState) -> dict[str, Any]:
    """The inputs of the key with the settings that the record's JSON lists: a record of an older version lists fewer."""
    inputs = state.dataset.key_inputs()
    listed = msgspec.json.decode(state.require(DATASET_RECORD))["data"]
    names = IN_RECORDS.get("data", {})
    settings = {name: value for name, value in asdict(state.dataset.data).items() if names.get(name, name) in listed}
    return inputs | {"data": settings}


@dataclass
class SplitCounts:
    """Counts over the parquet files of one split."""

    rows: int = 0
    bytes_in_memory: int = 0
    output_lengths: list[np.ndarray] = field(default_factory=list)
    product_kinds: Counter[str] = field(default_factory=Counter)
    titles: Counter[int] = field(default_factory=Counter)
    """Normalised title -> number of rows."""
    outputs: Counter[int] = field(default_factory=Counter)
    """Normalised output -> number of rows."""


def check_splits(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Rows, lengths, product kinds and leakage, counted in the published parquet files."""
    record = state.dataset
    counts = {name: count_split(state, [file.path for file in split.files]) for name, split in record.splits.items()}
    for name, split in record.splits.items():
        yield checks.equal(f"rows of {name}", split.rows, counts[name].rows)
        if split.bytes_in_memory is not None:
            yield checks.equal(f"bytes in memory of {name}", split.bytes_in_memory, counts[name].bytes_in_memory)
        lengths = length_distribution(np.concatenate([np.empty(0, np.int32), *counts[name].output_lengths]))
        for statistic in ("mean", "median", "p95", "maximum", "counts"):
            claimed, derived = getattr(split.output_length, statistic), getattr(lengths, statistic)
            yield checks.equal(f"length in {name}, {statistic}", claimed, derived)
    kinds = sum((split.product_kinds for split in counts.values()), Counter())
    yield checks.equal("product kinds", record.product_kinds, dict(sorted(kinds.items())))
    for name, leakage in record.leakage.items():
        yield from check_leakage(checks, record, name, leakage, counts)


def check_leakage(
    checks: Checks, record: DatasetRecord, name: str, leakage: Leakage, counts: dict[str, SplitCounts]
) -> Iterator[Line]:
    """How many rows of a held-out split share their title or output with the training split."""
    held_out, train = counts[name], counts["train"]
    shared_titles = sum(count for key, count in held_out.titles.items() if key in train.titles)
    shared_outputs = sum(count for key, count in held_out.outputs.items() if key in train.outputs)
    yield checks.equal(f"leakage of {name}, rows", leakage.rows, held_out.rows)
    yield checks.equal(f"leakage of {name}, shared_titles", leakage.shared_titles, shared_titles)
    yield checks.equal(f"leakage of {name}, shared_outputs", leakage.shared_outputs, shared_outputs)
    claim, near_duplicates = f"leakage of {name}, near-duplicates", leakage.near_duplicates
    not_measured = record.near_duplicates is None or leakage.near_measured == 0
    if (near_duplicates is None) == not_measured:
        yield checks.not_looked_at(claim, near_duplicates, "at level data only")
    else:
        yield checks.line(claim, near_duplicates, "not as the record says of the whole", False, "none")


def count_split(state: RepoState, paths: list[str]) -> SplitCounts:
    """The counts over the parquet files of a split."""
    counts = SplitCounts()
    for path in paths:
        for batch in pq.ParquetFile(state.require_file(path)).iter_batches(batch_size=BATCH_ROWS):
            counts.rows += batch.num_rows
            counts.bytes_in_memory += sum(map(text_bytes, batch.columns))
            counts.bytes_in_memory += 4 * batch.num_columns * batch.num_rows  # offsets of 32 bits
            output_lengths = pc.utf8_length(batch.column("output"))  # pyright: ignore[reportAttributeAccessIssue]
            counts.output_lengths.append(output_lengths.to_numpy(zero_copy_only=False))
            counts.product_kinds.update(map(product_kind, batch.column("uid").to_pylist()))
            counts.titles.update(map(text_key, batch.column("title").to_pylist()))
            counts.outputs.update(map(text_key, batch.column("output").to_pylist()))
    return counts


def text_bytes(column: pa.Array) -> int:
    """The bytes of all texts of a column."""
    return pc.sum(pc.binary_length(column)).as_py() or 0  # pyright: ignore[reportAttributeAccessIssue]


def check_prompts(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Every row has the instruction and input of the record's settings; the example is the first published row."""
    record = state.dataset
    wording = Wording.from_settings(record.prompt, record.data.seed)
    for name, split in record.splits.items():
        wrong = rows = 0
        columns: list[list[str]] = []
        kept = record.data.keep_columns
        for file in split.files:
            table = pq.ParquetFile(state.require_file(file.path))
            columns.append(table.schema_arrow.names)
            for batch in table.iter_batches(
                batch_size=BATCH_ROWS, columns=["uid", "title", "instruction", "input", *kept]
            ):
                rows += batch.num_rows
                wrong += sum(
                    wording.of(row["uid"], row["title"], {column: row[column] for column in kept} or None)
                    != (row["instruction"], row["input"])
                    for row in batch.to_pylist()
                )
        yield checks.equal(f"columns of {name}", columns, [list(published_columns(record.data))] * len(split.files))
        yield checks.equal(f"rows of {name} that are asked as the settings say", rows, rows - wrong)
    if record.example is not None:
        shard = record.splits["train"].files[0].path
        yield checks.equal("example", record.example, first_row(state.require_file(shard)))
    claim = "lines dropped and texts cleaned, by reason; groups"
    yield checks.not_looked_at(claim, "in the record", "at level data only")


def check_quarantine(checks: Checks, state: RepoState) -> Iterator[Line]:
    """Quarantined lines by reason, counted in the quarantine file; each names another line of a source file, in reading order."""
    record = state.dataset
    entries = [json.loads(line) for line in state.require(QUARANTINE).splitlines()]
    reasons = Counter(entry["reason"] for entry in entries)
    yield checks.equal("quarantined lines", record.quarantined, dict(sorted(reasons.items())))
    lines = [file.lines for file in record.source.files]
    numbers = {file.name: number for number, file in enumerate(record.source.files)}
    places = [(numbers.get(entry.get("file")) if len(lines) > 1 else 0, entry["line"]) for entry in entries]
    outside = [line for file, line in places if file is None or not 1 <= line <= lines[file]]
    yield checks.equal("quarantined lines that no source file has", outside or "none", "none")
    disordered = sum(before >= after for before, after in pairwise(places)) if not outside else 0
    yield checks.equal("quarantined lines out of their order, or twice", disordered, 0)
    if record.code.sources != sources_sha256("dataset_builder"):
        yield checks.not_looked_at(
            "what the quarantine shows of a line", "in the file", "not looked at", "here is other code"
        )
        return
    raw = sum("raw" in entry for entry in entries)
    yield checks.equal("raw lines in the quarantine", raw, len(entries) if record.data.quarantine == "raw" else 0)
    configured = {*configured_names(record.data)}
    others = sorted({name for entry in entries for name in entry["columns"]} - configured)
    yield checks.equal("columns in the quarantine that were not configured", ", ".join(others) or "none", "none")
