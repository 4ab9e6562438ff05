"""Level data: builds the dataset again from its source, with the record's settings, and compares every file."""

from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import pyarrow.parquet as pq

from dataset_builder.engine.choose import start_engine
from dataset_builder.options import BuildHooks, BuildOptions
from dataset_builder.source.examine import examine_files
from dataset_builder.source.files.catalogue import read_content
from dataset_builder.source.find_files import find_files
from dataset_builder.write_dataset import PUBLISH_FOLDER, write_dataset
from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from titlecraft.hub.pins import read_file
from titlecraft.records import DATASET_RECORD, DatasetRecord, Source, file_sha256, read_record
from titlecraft.records.repo_files import PROMPT_FILE, QUARANTINE
from titlecraft.settings import Recipe

COUNTS = (
    "published",
    "dropped",
    "quarantined",
    "cleaned",
    "product_kinds",
    "near_duplicates",
    "near_measured",
    "kept_in_train",
)
SPLIT_COUNTS = ("rows", "groups", "largest_group", "output_length", "bytes_in_memory")


def verify_data(state: RepoState, sources: list[str]) -> list[Line]:
    """Lines about a dataset or, for an adapter, about the dataset of its training."""
    checks = Checks("data", "dataset")
    return checks.gather(check_rebuilt(checks, state, sources))


def verify_sources(state: RepoState, sources: list[str]) -> list[Line]:
    """Lines that compare the source's files with the record, before the build. Raises UserError if a source does not exist."""
    find_files(sources)  # a mistyped name is an error of the user, not a claim that does not hold
    checks = Checks("data", "source")
    return checks.gather(check_sources(checks, state, sources))


def dataset_record_of(state: RepoState) -> DatasetRecord:
    """The record of the dataset, without its other files."""
    if state.pin.type == "dataset":
        return state.dataset
    dataset = state.training.dataset
    raw = read_file(dataset, DATASET_RECORD)
    return read_record(raw or b"", DatasetRecord, f"{DATASET_RECORD} of {dataset}")


def check_sources(checks: Checks, state: RepoState, sources: list[str]) -> Iterator[Line]:
    """A line for each file of the source, in the order in which the builder reads them."""
    record = dataset_record_of(state)
    files = examine_files(find_files(sources), record.data, lambda function, tasks: map(function, tasks))
    given = [(file.name, read_content(file)) for file in files]
    yield checks.equal("number of files", len(record.source.files), len(given))
    for file, (name, content) in zip(record.source.files, given, strict=False):
        note = f"{name} has {content.bytes:,} bytes, the dataset was built from a file of {file.bytes:,}"
        same = file.sha256 == content.sha256
        yield checks.equal(f"sha256 of {file.name}", file.sha256, content.sha256, None if same else note)


def check_rebuilt(checks: Checks, state: RepoState, sources: list[str]) -> Iterator[Line]:
    """Builds into a temporary folder, then compares files and counts."""
    dataset = state if state.pin.type == "dataset" else RepoState.download(state.training.dataset)
    with TemporaryDirectory() as temporary:
        rebuilt = rebuild(dataset.dataset, sources, Path(temporary))
        yield from check_files(checks, dataset, rebuilt, Path(temporary) / PUBLISH_FOLDER)
    yield from check_record(checks, dataset.dataset, rebuilt)


def rebuild(record: DatasetRecord, sources: list[str], work: Path) -> DatasetRecord:
    """Run both passes of the builder with a record's settings; return the new record.

    The files are written into PUBLISH_FOLDER below `work`.
    """
    paths = find_files(sources)
    recipe = Recipe(data=record.data, prompt=record.prompt)
    with start_engine("local", None, paths, work, None) as engine:
        files = examine_files(paths, record.data, engine.in_order)
        hooks = BuildHooks(contents=lambda: [read_content(file) for file in files])
        options = BuildOptions(allow_incomplete=record.source.missing is not None, max_loss=1.0)
        return write_dataset(files, recipe, work, engine, record.code, hooks, options)


def check_files(checks: Checks, state: RepoState, rebuilt: DatasetRecord, folder: Path) -> Iterator[Line]:
    """Every parquet file, the quarantine and the prompt, byte by byte."""
    record = state.dataset
    published = [file.path for split in record.splits.values() for file in split.files]
    built = [file.path for split in rebuilt.splits.values() for file in split.files]
    yield checks.equal("names of the parquet files", published, built)
    shards = [path for path in state.paths if fnmatch(path, "data/*-*-of-*.parquet")]  # other files may be a person's
    yield checks.equal("no other file lies in data/", shards, sorted(built))
    installed, writer = version("pyarrow"), record.code.packages.get("pyarrow")
    for path in [*built, QUARANTINE, PROMPT_FILE]:
        claim, claimed, derived = f"{path}, built again", state.sha256(path), file_sha256(folder / path)
        other_writer = path.endswith(".parquet") and writer != installed
        if claimed != derived and other_writer and same_rows(state.folder / path, folder / path):
            note = f"pyarrow {installed} writes other bytes than {writer}; all rows are equal"
            yield checks.line(claim, claimed, derived, True, "equal rows", note)
        else:
            yield checks.equal(claim, claimed, derived)


def same_rows(published: Path, built: Path) -> bool:
    """Whether two parquet files have the same rows in the same order."""
    return pq.read_table(published).equals(pq.read_table(built))


def check_record(checks: Checks, record: DatasetRecord, rebuilt: DatasetRecord) -> Iterator[Line]:
    """Every count of the record. The names of the source's files may differ on this machine."""
    for name in COUNTS:
        yield checks.equal(name, getattr(record, name), msgspec.to_builtins(getattr(rebuilt, name)))
    for split_name, split in record.splits.items():
        rebuilt_split = rebuilt.splits.get(split_name)
        for name in SPLIT_COUNTS:
            yield checks.equal(f"{split_name}, {name}", getattr(split, name), getattr(rebuilt_split, name, None))
    for name, leakage in record.leakage.items():
        yield checks.equal(f"leakage of {name}", leakage, rebuilt.leakage.get(name))
    claimed, derived = without_names(record.source), without_names(rebuilt.source)
    yield checks.equal("lines and completeness of the source", claimed, derived)
    yield checks.equal("key", record.key, rebuilt.key)


def without_names(source: Source) -> Source:
    """A source without the names of its files."""
    files = [msgspec.structs.replace(file, name="") for file in source.files]
    return msgspec.structs.replace(source, files=files)
