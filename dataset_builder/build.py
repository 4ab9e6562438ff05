"""titlecraft build trn.json.gz --repo NS/NAME

Catalogue -> clean -> group -> split -> Alpaca -> one commit on the Hub. Two passes: the first reads, cleans and counts
every line; then duplicates are dropped and every row gets its split; the second writes the shards.
"""

import shutil
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataset_builder.card.write import PICTURES, first_row, require_readable_card, write_card
from dataset_builder.duplicates.near_duplicates import near_duplicates
from dataset_builder.duplicates.repeated import repeated_rows, surplus_copies
from dataset_builder.engine.choose import start_engine
from dataset_builder.engine.interface import PACKAGES, Engine, require_engine
from dataset_builder.first_pass import Rows, read_rows
from dataset_builder.guards import (
    files_without_rows,
    mostly_empty,
    require_balance,
    require_columns,
    require_few_quarantined,
    require_rows,
    require_settings,
    without_identifiers,
)
from dataset_builder.leakage import Sketches, measure_leakage
from dataset_builder.loads import require_files, require_loads
from dataset_builder.outcome import split_notes
from dataset_builder.shards.statistics import length_distribution
from dataset_builder.shards.wording import Wording
from dataset_builder.shards.write import RowFiles, ShardResult, plan_shards, write_shard
from dataset_builder.source.addresses import is_url
from dataset_builder.source.catalogue import (
    CatalogueFile,
    Content,
    described,
    examine_files,
    find_files,
    require_unchanged,
)
from dataset_builder.source.parse import Drop
from dataset_builder.source.read_blocks import expected_lines, require_whole
from dataset_builder.splits.assign import NO_PAIRS, SPLITS, assign, group_rows, too_large
from dataset_builder.workers.array_file import save_array
from dataset_builder.workers.in_order import InOrder
from titlecraft.errors import UserError
from titlecraft.hub.data_revision import data_revision, newest_with_the_same_data
from titlecraft.hub.pins import current_name, find_record, published_pin, require_own, require_write
from titlecraft.hub.publishing import publish, sole_publisher, tag, upload_ahead, work_folder
from titlecraft.prompt import PROMPT_FILE, PromptFormat, require_places
from titlecraft.records import (
    DATASET_RECORD,
    Code,
    DatasetRecord,
    File,
    Pin,
    Source,
    SourceFile,
    Split,
    current_code,
    digest,
)
from titlecraft.settings import MAX_LOSS, Data, Recipe

QUARANTINE_FILE = "quarantine/lines.jsonl"
REPLACES = (*(f"data/{split}-*-of-*.parquet" for split in SPLITS), QUARANTINE_FILE, *PICTURES)


@dataclass(frozen=True)
class Groups:
    """What the decision between the passes gave: the key of each row's group, its split (-1: not published), and counts of
    rows: dropped by reason, published near-duplicates, published rows that were looked at for that, kept in train.
    """

    keys: np.ndarray
    assigned: np.ndarray
    dropped: Counter[str]
    near_duplicates: int | None
    near_measured: int | None
    kept_in_train: int


def build(
    given: list[str], repo: str, recipe: Recipe, *, private: bool, fresh: bool, allow_incomplete: bool = False,
    workers: int | None = None, engine: str = "local", place: str | None = None, max_loss: float = MAX_LOSS,
) -> tuple[Pin, DatasetRecord]:  # fmt: skip
    """Publish the dataset and return where it is and how it came to be.

    Does nothing but say so where the same source, settings and code have been published to `repo` already, unless
    `fresh`. The result depends neither on `workers` nor on `engine`. Raises UserError; the repo is then as it was:
    what can be wrong with the source or the settings is known before anything is sent. A run that is killed, or loses its
    Hub, while it sends the first shards of a new repo leaves that repo behind, empty; the same command, run again, fills it.

    Args:
        given: paths, globs and fsspec URLs of the catalogue's files.
        workers: processes of the local engine; None lets the size of the catalogue decide.
        engine: "local" or "ray".
        place: where rows and shards wait: a folder or, for Ray, an fsspec URL; None is TITLECRAFT_WORK or the Hub
            client's own home.
        max_loss: share of the lines that may be quarantined; above it nothing is published.
    """
    require_engine(engine, workers, place)
    require_settings(recipe.data, max_loss)
    require_places(recipe.prompt)
    found = find_files(given)
    prompt = PromptFormat.from_settings(recipe.prompt)
    require_write(repo)
    repo = current_name(repo, "dataset")
    work = work_folder("build", repo, None if place and is_url(place) else place)
    with sole_publisher(repo, "dataset"), start_engine(engine, workers, found, work, place) as chosen:
        code = current_code("dataset_builder", *PACKAGES)
        files = examine_files(found, chosen.in_order)
        head = published_pin(repo, "dataset")
        require_own(head, DATASET_RECORD)
        require_readable_card(head)
        contents = chosen.hash(files)
        if head is not None and not fresh:  # otherwise nobody needs the hashes before all is read
            key = key_of(describe_files(files, contents()), recipe, code)
            if record := find_record(head, DATASET_RECORD, DatasetRecord, key, published_files):
                print(f"nothing to do: {repo} was built from this very source, recipe and code")
                built = data_revision(head)
                tag(built, f"build-{key[:12]}")
                return built, record
        shutil.rmtree(work)
        folder = work / "publish"
        folder.mkdir(parents=True)
        record = write_dataset(
            files, recipe, prompt, work, folder, chosen, code=code, contents=contents,
            unchanged=lambda: require_unchanged(given, found), allow_incomplete=allow_incomplete, max_loss=max_loss, note=warn,
            finished=lambda name: upload_ahead(repo, "dataset", folder, name, private=private),
        )  # fmt: skip
        (folder / DATASET_RECORD).write_bytes(record.to_json())
        for note in split_notes(record):
            warn(note)
        head = newest_with_the_same_data(head)
        write_card(folder, repo, head)
        message = f"Build {record.published:,} rows from {record.source} (sha256 {record.source.files[0].sha256[:12]}"
        message += ")" if len(files) == 1 else ", …)"
        published = publish(
            repo, "dataset", head, folder, message, private=private, replaces=REPLACES,
            check=lambda path: require_files(path, record),
        )  # fmt: skip
        require_loads(published, record)
        tag(published, f"build-{record.key[:12]}")
        shutil.rmtree(work)
    return published, record


def warn(message: str) -> None:
    """Say what the person who builds should look at."""
    print(f"warning: {message}", file=sys.stderr)


def describe_files(
    files: list[CatalogueFile], contents: list[Content], lines: list[int] | None = None
) -> list[SourceFile]:
    """The record of the source's files; without `lines` as long as they have not been counted."""
    counts = lines or [0] * len(files)
    return [
        SourceFile(name=file.name, bytes=content.bytes, sha256=content.sha256, lines=count)
        for file, content, count in zip(files, contents, counts, strict=True)
    ]


def key_of(files: list[SourceFile], recipe: Recipe, code: Code) -> str:
    """What the dataset depends on, in one hash; on the names of files only where there are several, and they are published."""
    source = [file.sha256 if len(files) == 1 else f"{file.sha256} {file.name}" for file in files]
    return digest({"source": source, "data": recipe.data, "prompt": recipe.prompt, "code": code})


def write_dataset(
    files: list[CatalogueFile], recipe: Recipe, prompt: PromptFormat, work: Path, folder: Path, engine: Engine, *,
    code: Code, contents: Callable[[], list[Content]], unchanged: Callable[[], None] = lambda: None,
    allow_incomplete: bool = False, finished: Callable[[str], None] = lambda name: None, max_loss: float = 1.0,
    note: Callable[[str], None] = lambda message: None,
) -> DatasetRecord:  # fmt: skip
    """Both passes: quarantine, prompt and shards into `folder`; returns the record.

    `contents` gives the hashes of the files, and `unchanged` raises where one has changed while it was read; both are asked
    when all has been read, before the first shard is complete. `finished` is told the path of each complete shard, and
    `note` what a person should look at. Raises UserError where more than `max_loss` of the lines are quarantined.
    """
    rows = read_rows(files, recipe.data, work, folder / QUARANTINE_FILE, engine)
    require_columns(files, rows, recipe.data)
    require_few_quarantined(files, rows, max_loss)
    if 0 < sum(rows.lines) == sum(rows.quarantined.values()):  # then a last line that is cut is not what is wrong
        require_rows(files, rows, recipe.data)
    missing = require_whole(files, rows.lines, rows.cut, rows.first_line, allow_incomplete)
    require_rows(files, rows, recipe.data)
    settings = recipe.data
    for found in (files_without_rows(files, rows), mostly_empty(rows, settings), without_identifiers(rows, settings)):
        if found:
            note(found)
    sources = describe_files(files, contents(), rows.lines)
    unchanged()
    groups = group_and_assign(rows, recipe.data, engine.in_order)
    (folder / PROMPT_FILE).write_bytes(prompt.to_json())
    require_training_rows(files, groups, recipe.data)
    save_array(work / "assigned.npy", groups.assigned)
    row_files = RowFiles(rows.files, rows.begins, work / "assigned.npy")
    shards: list[ShardResult] = []
    wording = Wording.from_settings(recipe.prompt, recipe.data.seed)
    for shard in engine.in_order(write_shard, plan_shards(row_files, folder, wording, recipe.data.rows_per_shard)):
        shards.append(shard)
        finished(shard.file.path)
    sketches = None if rows.sketches is None else Sketches(rows.contents, rows.sketches, rows.measurable)
    with_rows = [name for name in SPLITS if any(shard.split == name for shard in shards)]
    record = DatasetRecord(
        key=key_of(sources, recipe, code),
        code=code,
        source=Source(
            files=sources, lines=sum(rows.lines), missing=missing, expected_lines=expected_lines(rows.first_line)
        ),
        data=recipe.data,
        prompt=recipe.prompt,
        published=int((groups.assigned >= 0).sum()),
        dropped=dict(sorted((rows.dropped + groups.dropped).items())),
        quarantined=dict(sorted(rows.quarantined.items())),
        cleaned=dict(sorted(rows.cleaned.items())),
        product_kinds=dict(sorted(sum((shard.kinds for shard in shards), Counter()).items())),
        near_duplicates=groups.near_duplicates,
        near_measured=groups.near_measured,
        kept_in_train=groups.kept_in_train,
        splits={name: describe_split(SPLITS.index(name), name, groups, shards) for name in with_rows},
        leakage=measure_leakage(folder, shards, sketches, engine.in_order),
        example=first_row(folder / next(shard.file.path for shard in shards if shard.split == SPLITS[0])),
    )
    require_balance(record)
    return record


def group_and_assign(rows: Rows, settings: Data, in_order: InOrder) -> Groups:
    """Drop duplicates and surplus copies, group what is left, and give every group its split."""
    groups, assigned = np.zeros(len(rows.rows), np.uint64), np.full(len(rows.rows), -1, np.int8)
    repeated = repeated_rows(rows.rows)
    kept = np.flatnonzero(~repeated)
    surplus = surplus_copies(rows.contents[kept], rows.titles[kept], settings.copies)
    kept = kept[~surplus]
    titles, contents = rows.titles[kept], rows.contents[kept]
    pairs, near, measured = NO_PAIRS, None, None
    if rows.sketches is not None:
        _, one_of_each = np.unique(contents, return_index=True)
        pairs = np.searchsorted(kept, near_duplicates(rows.sketches, kept[np.sort(one_of_each)], in_order))
    groups[kept] = group_rows(titles, contents, pairs)
    assigned[kept] = assign(groups[kept], settings)
    large = kept[too_large(groups[kept], assigned[kept], settings)]
    assigned[large] = 0
    if rows.sketches is not None:
        seen = rows.measurable[kept] & (assigned[kept] >= 0)
        measured = int(seen.sum())
        near = int((np.isin(contents, contents[np.unique(pairs)]) & seen).sum()) if measured else None
    dropped = {
        Drop.DUPLICATE: int(repeated.sum()),
        Drop.REPEATED_CONTENT: int(surplus.sum()),
        Drop.NOT_SAMPLED: int((assigned[kept] < 0).sum()),
    }
    counts = Counter({reason: count for reason, count in dropped.items() if count})
    return Groups(groups, assigned, counts, near, measured, len(large))


def require_training_rows(files: list[CatalogueFile], groups: Groups, settings: Data) -> None:
    """Raises UserError where no row is left to train on: all were held out, or the sample took none of few large groups."""
    if (groups.assigned == 0).any():
        return
    if (groups.assigned < 0).all():
        raise UserError(
            f"{described(files)}: the sample of about {settings.limit:,} rows took none of {groups.dropped[Drop.NOT_SAMPLED]:,} "
            "rows, because rows that share a text are sampled together: make data.limit larger, or leave it out"
        )
    raise UserError(
        f"{described(files)}: no row is left for the training split; make data.test_share and data.validation_share smaller"
    )


def published_files(record: DatasetRecord) -> list[File]:
    """The shards of all splits."""
    return [file for split in record.splits.values() for file in split.files]


def describe_split(index: int, name: str, groups: Groups, shards: list[ShardResult]) -> Split:
    """The record of one split, from its shards as they were written."""
    ours = [shard for shard in shards if shard.split == name]
    _, sizes = np.unique(groups.keys[groups.assigned == index], return_counts=True)
    return Split(
        rows=sum(len(shard.lengths) for shard in ours),
        groups=len(sizes),
        largest_group=int(sizes.max(initial=0)),
        files=[shard.file for shard in ours],
        output_length=length_distribution(np.concatenate([shard.lengths for shard in ours])),
        bytes_in_memory=sum(shard.in_memory for shard in ours),
    )
