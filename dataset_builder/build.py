"""titlecraft build trn.json.gz --repo NS/NAME

Catalogue -> clean -> group -> split -> Alpaca -> one commit on the Hub. Two passes: the first reads, cleans and counts
every line; then duplicates are dropped and every row gets its split; the second writes the shards.
"""

import os
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dataset_builder.array_file import save_array
from dataset_builder.card import write_card
from dataset_builder.duplicates import repeated_rows, surplus_copies
from dataset_builder.first_pass import Rows, read_rows
from dataset_builder.guards import require_balance, require_rows, require_settings
from dataset_builder.leakage import Sketches, measure_leakage
from dataset_builder.loads import require_loads
from dataset_builder.near_duplicates import near_duplicates
from dataset_builder.parse import Drop
from dataset_builder.processes import InOrder, worker_processes
from dataset_builder.shards import RowFiles, ShardResult, plan_shards, write_shard
from dataset_builder.source import hash_meanwhile, require_source
from dataset_builder.split import NO_PAIRS, SPLITS, assign, group_rows
from dataset_builder.statistics import length_distribution
from dataset_builder.wording import Wording
from titlecraft.errors import UserError
from titlecraft.hub import find_record, published_pin, require_own, require_write
from titlecraft.prompt import PROMPT_FILE, PromptFormat
from titlecraft.publishing import publish, sole_publisher, tag, upload_ahead, work_folder
from titlecraft.records import (
    DATASET_RECORD,
    Code,
    DatasetRecord,
    File,
    Pin,
    Source,
    Split,
    current_code,
    digest,
)
from titlecraft.settings import Data, Recipe

QUARANTINE_FILE = "quarantine/lines.jsonl"
REPLACES = ("data/*", "quarantine/*", "assets/*")
ONE_PROCESS = 32 << 20  # bytes; a smaller source is read before other processes have started


@dataclass(frozen=True)
class Groups:
    """What the decision between the passes gave: the key of each row's group, its split (-1: not published), and counts."""

    keys: np.ndarray
    assigned: np.ndarray
    dropped: Counter[str]
    near_duplicates: int | None


def build(
    source: Path, repo: str, recipe: Recipe, *, private: bool, fresh: bool, allow_incomplete: bool = False,
    workers: int | None = None,
) -> tuple[Pin, DatasetRecord]:  # fmt: skip
    """Publish the dataset and return where it is and how it came to be.

    Does nothing but say so where the same source, settings and code have been published to `repo` already, unless
    `fresh`. The result does not depend on `workers`. Raises UserError; the repo is then as it was: what can be wrong with
    the source or the settings is known before anything is sent. A run that is killed, or loses its Hub, while it sends the
    first shards of a new repo leaves that repo behind, empty; the same command, run again, fills it.
    """
    require_source(source)
    require_settings(recipe.data)
    prompt = PromptFormat.from_settings(recipe.prompt)
    require_write(repo)
    with sole_publisher(repo, "dataset"):
        code = current_code("dataset_builder", "datasets", "pyarrow", "rensa")
        head = published_pin(repo, "dataset")
        require_own(head, DATASET_RECORD)
        sha256 = hash_meanwhile(source)
        if head is not None and not fresh:  # otherwise nobody needs the hash before all is read
            key = key_of(sha256(), recipe, code)
            if record := find_record(head, DATASET_RECORD, DatasetRecord, key, published_files):
                print(f"nothing to do: {repo} was built from this very file, recipe and code")
                tag(head, f"build-{key[:12]}")
                return head, record
        work = work_folder("build", repo)
        shutil.rmtree(work)
        folder = work / "publish"
        folder.mkdir(parents=True)
        if workers is None:
            workers = 1 if source.stat().st_size < ONE_PROCESS else min(2, os.cpu_count() or 1)
        with worker_processes(workers) as in_order:
            record, in_memory = write_dataset(
                source, recipe, prompt, work, folder, in_order, code=code, sha256=sha256,
                allow_incomplete=allow_incomplete,
                finished=lambda name: upload_ahead(repo, "dataset", folder, name, private=private),
            )  # fmt: skip
        (folder / DATASET_RECORD).write_bytes(record.to_json())
        write_card(folder, repo, record, in_memory)
        message = f"Build {record.published:,} rows from {source.name} (sha256 {record.source.sha256[:12]})"
        published = publish(
            repo, "dataset", head, folder, message, private=private, replaces=REPLACES,
            check=lambda path: require_loads(path, record),
        )  # fmt: skip
        tag(published, f"build-{record.key[:12]}")
        shutil.rmtree(work)
    return published, record


def key_of(sha256: str, recipe: Recipe, code: Code) -> str:
    """What the dataset depends on, in one hash."""
    return digest({"source": sha256, "data": recipe.data, "prompt": recipe.prompt, "code": code})


def write_dataset(
    source: Path, recipe: Recipe, prompt: PromptFormat, work: Path, folder: Path, in_order: InOrder, *, code: Code,
    sha256: Callable[[], str], allow_incomplete: bool = False, finished: Callable[[str], None] = lambda name: None,
) -> tuple[DatasetRecord, dict[str, int]]:  # fmt: skip
    """Both passes: quarantine, prompt and shards into `folder`; returns the record, and each split's bytes in memory.

    `sha256` gives the source's hash, and raises where it has changed while it was read; it is asked when all has been read,
    before the first shard is complete. `finished` is told the path of each complete shard.
    """
    rows = read_rows(source, recipe.data, work, folder / QUARANTINE_FILE, in_order, allow_incomplete)
    require_rows(source, rows, recipe.data)
    hashed, size = sha256(), source.stat().st_size
    groups = group_and_assign(rows, recipe.data, in_order)
    (folder / PROMPT_FILE).write_bytes(prompt.to_json())
    if not (groups.assigned == 0).any():
        raise UserError(
            f"{source}: no row is left for the training split; make data.test_share and data.validation_share smaller"
        )
    save_array(work / "assigned.npy", groups.assigned)
    row_files = RowFiles(rows.files, rows.begins, work / "assigned.npy")
    shards: list[ShardResult] = []
    wording = Wording.from_settings(recipe.prompt, recipe.data.seed)
    for shard in in_order(write_shard, plan_shards(row_files, folder, wording, recipe.data.rows_per_shard)):
        shards.append(shard)
        finished(shard.file.path)
    in_memory = {name: sum(shard.in_memory for shard in shards if shard.split == name) for name in SPLITS}
    sketches = None if rows.sketches is None else Sketches(rows.contents, rows.sketches)
    record = DatasetRecord(
        key=key_of(hashed, recipe, code),
        code=code,
        source=Source(
            name=source.name,
            bytes=size,
            sha256=hashed,
            lines=rows.reading.lines,
            missing=rows.missing,
        ),
        data=recipe.data,
        prompt=recipe.prompt,
        published=int((groups.assigned >= 0).sum()),
        dropped=dict(sorted((rows.dropped + groups.dropped).items())),
        quarantined=dict(sorted(rows.quarantined.items())),
        cleaned=dict(sorted(rows.cleaned.items())),
        product_kinds=dict(sorted(sum((shard.kinds for shard in shards), Counter()).items())),
        near_duplicates=groups.near_duplicates,
        splits={name: describe_split(index, name, groups, shards) for index, name in enumerate(SPLITS)},
        leakage=measure_leakage(folder, shards, sketches, in_order),
    )
    require_balance(record)
    return record, in_memory


def group_and_assign(rows: Rows, settings: Data, in_order: InOrder) -> Groups:
    """Drop duplicates and surplus copies, group what is left, and give every group its split."""
    groups, assigned = np.zeros(len(rows.rows), np.uint64), np.full(len(rows.rows), -1, np.int8)
    repeated = repeated_rows(rows.rows)
    kept = np.flatnonzero(~repeated)
    surplus = surplus_copies(rows.contents[kept], rows.titles[kept], settings.copies)
    kept = kept[~surplus]
    titles, contents = rows.titles[kept], rows.contents[kept]
    pairs, near = NO_PAIRS, None
    if rows.sketches is not None:
        _, one_of_each = np.unique(contents, return_index=True)
        pairs = np.searchsorted(kept, near_duplicates(rows.sketches, kept[np.sort(one_of_each)], in_order))
        near = int(np.isin(contents, contents[np.unique(pairs)]).sum())
    groups[kept] = group_rows(titles, contents, pairs)
    assigned[kept] = assign(groups[kept], settings)
    dropped = {
        Drop.DUPLICATE: int(repeated.sum()),
        Drop.REPEATED_CONTENT: int(surplus.sum()),
        Drop.NOT_SAMPLED: int((assigned[kept] < 0).sum()),
    }
    return Groups(groups, assigned, Counter({reason: count for reason, count in dropped.items() if count}), near)


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
    )
