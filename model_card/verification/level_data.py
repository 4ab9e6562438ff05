"""Level data: the dataset built again from its source, with the record's settings, and every file compared."""

from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec

from model_card.verification.level_card.files.checksums import sha256_of
from model_card.verification.lines.checks import Checks, Line
from model_card.verification.repo_state import RepoState
from titlecraft.hub.pins import read_file
from titlecraft.prompt import PROMPT_FILE, PromptFormat
from titlecraft.records import DATASET_RECORD, DatasetRecord, Source, file_sha256, read_record
from titlecraft.settings import Recipe

QUARANTINE = "quarantine/lines.jsonl"


def verify_data(state: RepoState, sources: list[str]) -> list[Line]:
    """The dataset of a state or, for an adapter, the one that it was trained on."""
    checks = Checks("data", "dataset")
    return checks.gather(rebuilt(checks, state, sources))


def dataset_of(state: RepoState) -> RepoState:
    """The dataset that is spoken of, with all its files."""
    return state if state.pin.type == "dataset" else RepoState.download(state.training.dataset)


def verify_sources(state: RepoState, sources: list[str]) -> list[Line]:
    """The source's files against the record's, before any time is spent. Raises UserError where a source is no file."""
    from dataset_builder.source.catalogue import find_files

    find_files(sources)  # a mistyped name is the user's mistake, no verdict about the dataset
    checks = Checks("data", "source")
    return checks.gather(of_sources(checks, state, sources))


def record_of(state: RepoState) -> DatasetRecord:
    """The dataset's record alone."""
    if state.pin.type == "dataset":
        return state.dataset
    pinned = state.training.dataset
    raw = read_file(pinned, DATASET_RECORD)
    return read_record(raw or b"", DatasetRecord, f"{DATASET_RECORD} of {pinned}")


def of_sources(checks: Checks, state: RepoState, sources: list[str]) -> Iterator[Line]:
    """A line for each file, in the order in which they are read."""
    from dataset_builder.source.catalogue import examine_files, find_files, read_content

    record = record_of(state)
    given = [(file.name, read_content(file)) for file in examine_files(find_files(sources), map)]
    yield checks.equal("number of files", len(record.source.files), len(given))
    for file, (name, content) in zip(record.source.files, given, strict=False):
        note = f"{name} has {content.bytes:,} bytes, the dataset was built from a file of {file.bytes:,}"
        same = file.sha256 == content.sha256
        yield checks.equal(f"sha256 of {file.name}", file.sha256, content.sha256, None if same else note)


def rebuilt(checks: Checks, state: RepoState, sources: list[str]) -> Iterator[Line]:
    """Built again into a folder of its own, and compared."""
    dataset = dataset_of(state)
    with TemporaryDirectory() as temporary:
        folder = Path(temporary) / "publish"
        again = build_again(dataset.dataset, sources, Path(temporary), folder)
        yield from of_files(checks, dataset, dataset.dataset, again, folder)
    yield from of_record(checks, dataset.dataset, again)


def build_again(record: DatasetRecord, sources: list[str], work: Path, folder: Path) -> DatasetRecord:
    """Both passes of the builder into `folder`, publishing nothing."""
    from dataset_builder.build import write_dataset
    from dataset_builder.engine.choose import start_engine
    from dataset_builder.source.catalogue import examine_files, find_files, read_content

    folder.mkdir()
    found = find_files(sources)
    prompt = PromptFormat.from_settings(record.prompt)
    recipe = Recipe(data=record.data, prompt=record.prompt)
    with start_engine("local", None, found, work, None) as engine:
        files = examine_files(found, engine.in_order)
        return write_dataset(
            files, recipe, prompt, work, folder, engine, code=record.code,
            contents=lambda: [read_content(file) for file in files], allow_incomplete=record.source.missing is not None,
        )  # fmt: skip


def of_files(
    checks: Checks, state: RepoState, record: DatasetRecord, again: DatasetRecord, folder: Path
) -> Iterator[Line]:
    """Every parquet file, the quarantine and the prompt, byte for byte."""
    published = [file.path for split in record.splits.values() for file in split.files]
    built = [file.path for split in again.splits.values() for file in split.files]
    yield checks.equal("names of the parquet files", published, built)
    lying = [
        path for path in state.paths if fnmatch(path, "data/*-*-of-*.parquet")
    ]  # a person may put other files there
    yield checks.equal("no other file lies in data/", lying, sorted(built))
    for path in [*built, QUARANTINE, PROMPT_FILE]:
        there, here = sha256_of(state, path), file_sha256(folder / path)
        writer = record.code.packages.get("pyarrow")
        if there != here and path.endswith(".parquet") and writer != version("pyarrow") and same_rows(state.folder / path, folder / path):  # fmt: skip
            yield checks.line(f"{path}, built again", there, here, True, "equal rows", f"pyarrow {version('pyarrow')} writes "
                              f"other bytes than {writer}; all rows are equal")  # fmt: skip
        else:
            yield checks.equal(f"{path}, built again", there, here)


def same_rows(one: Path, other: Path) -> bool:
    """Whether two parquet files hold the same rows in the same order."""
    import pyarrow.parquet as pq

    return pq.read_table(one).equals(pq.read_table(other))


def of_record(checks: Checks, record: DatasetRecord, again: DatasetRecord) -> Iterator[Line]:
    """Every count of the record. The names of the source's files are those of this machine."""
    for field in (
        "published",
        "dropped",
        "quarantined",
        "cleaned",
        "product_kinds",
        "near_duplicates",
        "near_measured",
        "kept_in_train",
    ):
        yield checks.equal(field, getattr(record, field), msgspec.to_builtins(getattr(again, field)))
    for name, split in record.splits.items():
        for field in ("rows", "groups", "largest_group", "output_length", "bytes_in_memory"):
            yield checks.equal(f"{name}, {field}", getattr(split, field), getattr(again.splits.get(name), field, None))
    for name, leakage in record.leakage.items():
        yield checks.equal(f"leakage of {name}", leakage, again.leakage.get(name))
    yield checks.equal("lines and completeness of the source", unnamed(record.source), unnamed(again.source))
    yield checks.equal("key", record.key, again.key)


def unnamed(source: Source) -> Source:
    """A source without the names of its files."""
    files = [msgspec.structs.replace(file, name="") for file in source.files]
    return msgspec.structs.replace(source, files=files)
