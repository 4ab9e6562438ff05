"""titlecraft build trn.json.gz --repo NS/NAME

Catalogue -> clean -> split -> Alpaca -> one commit on the Hub. Two passes: the first reads, cleans and counts every line
and keeps 16 bytes of keys for each row; the second gives each row its split and writes the shards.
"""

import shutil
from array import array
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import xxhash

from dataset_builder.alpaca import shard_names, write_shards
from dataset_builder.card import write_card
from dataset_builder.clean import clean
from dataset_builder.loads import require_loads
from dataset_builder.parse import Drop, Quarantine, keep, parse
from dataset_builder.rows_file import RowsFile
from dataset_builder.source import read_lines, require_source
from dataset_builder.split import SPLITS, assign, group_rows, text_key
from dataset_builder.statistics import count_kinds, length_distribution, measure_leakage
from titlecraft.errors import UserError
from titlecraft.hub import find_record, published_pin, require_own, require_write
from titlecraft.prompt import PROMPT_FILE, PromptFormat
from titlecraft.publishing import publish, sole_publisher, work_folder
from titlecraft.records import (
    DATASET_RECORD,
    Code,
    DatasetRecord,
    File,
    Pin,
    Source,
    Split,
    current_code,
    describe_file,
    digest,
    file_sha256,
)
from titlecraft.settings import Data, Recipe

QUARANTINE_FILE = "quarantine/lines.jsonl"
REPLACES = ("data/*", "quarantine/*", "assets/*")


class Counts(NamedTuple):
    """What the first pass counted. The arrays hold one key (uint64) for each kept row."""

    lines: int
    dropped: Counter[str]
    quarantined: Counter[str]
    cleaned: Counter[str]
    titles: array
    contents: array


def build(source: Path, repo: str, recipe: Recipe, *, private: bool, fresh: bool) -> tuple[Pin, DatasetRecord]:
    """Publish the dataset and return where it is and how it came to be.

    Does nothing but say so where the same source, settings and code have been published to `repo` already, unless
    `fresh`. Raises UserError; the repo is then as it was.
    """
    require_source(source)
    require_shares(recipe.data)
    prompt = PromptFormat.from_settings(recipe.prompt)
    require_write(repo)
    with sole_publisher(repo, "dataset"):
        code = current_code("dataset_builder", "datasets", "pyarrow")
        sha256 = file_sha256(source)
        key = digest({"source": sha256, "data": recipe.data, "prompt": prompt, "code": code})
        head = published_pin(repo, "dataset")
        require_own(head, DATASET_RECORD)
        if not fresh and (record := find_record(head, DATASET_RECORD, DatasetRecord, key, published_files)):
            print(f"nothing to do: {repo} was built from this very file, recipe and code")
            return head, record
        work = work_folder("build", repo)
        shutil.rmtree(work)
        folder = work / "publish"
        folder.mkdir(parents=True)
        record, in_memory = write_dataset(source, recipe, prompt, work, folder, key=key, code=code, sha256=sha256)
        require_balance(record)
        (folder / DATASET_RECORD).write_bytes(record.to_json())
        write_card(folder, repo, record, in_memory)
        message = f"Build {record.published:,} rows from {source.name} (sha256 {sha256[:12]})"
        published = publish(
            repo, "dataset", head, folder, message, private=private, replaces=REPLACES,
            check=lambda path: require_loads(path, record),
        )  # fmt: skip
        shutil.rmtree(work)
    return published, record


def write_dataset(
    source: Path, recipe: Recipe, prompt: PromptFormat, work: Path, folder: Path, *, key: str, code: Code, sha256: str
) -> tuple[DatasetRecord, dict[str, int]]:
    """Both passes: quarantine, prompt and shards into `folder`; returns the record, and each split's bytes in memory."""
    rows = RowsFile(work / "rows.arrow")
    counts = read_rows(source, recipe.data, rows, folder / QUARANTINE_FILE)
    rows.close()
    require_rows(source, rows.rows, counts, recipe.data)
    groups = group_rows(np.frombuffer(counts.titles, np.uint64), np.frombuffer(counts.contents, np.uint64))
    assigned = assign(groups, recipe.data)
    if left_out := int((assigned < 0).sum()):
        counts.dropped[Drop.NOT_SAMPLED] += left_out
    (folder / PROMPT_FILE).write_bytes(prompt.to_json())
    if not (assigned == 0).any():
        raise UserError(
            f"{source}: no row is left for the training split; make data.test_share and data.validation_share smaller"
        )
    splits, shards, in_memory = {}, {}, {}
    for index, name in enumerate(SPLITS):
        chosen = assigned == index
        total = int(chosen.sum())
        shards[name] = shard_names(name, total, recipe.data.rows_per_shard)
        in_memory[name] = write_shards(rows.select(chosen), prompt, folder, shards[name], total)
        splits[name] = Split(
            rows=total,
            groups=len(np.unique(groups[chosen])),
            files=[describe_file(folder, folder / shard) for shard in shards[name]],
            output_length=length_distribution(folder, shards[name]),
        )
    record = DatasetRecord(
        key=key,
        code=code,
        source=Source(name=source.name, bytes=source.stat().st_size, sha256=sha256, lines=counts.lines),
        data=recipe.data,
        prompt=recipe.prompt,
        published=rows.rows - left_out,
        dropped=dict(sorted(counts.dropped.items())),
        quarantined=dict(sorted(counts.quarantined.items())),
        cleaned=dict(sorted(counts.cleaned.items())),
        product_kinds=count_kinds(folder, shards),
        splits=splits,
        leakage=measure_leakage(folder, shards),
    )
    return record, in_memory


def read_rows(source: Path, settings: Data, rows: RowsFile, quarantine: Path) -> Counts:
    """First pass: every line is kept, dropped for a reason, or written to the quarantine with its place and raw text."""
    counts = Counts(0, Counter(), Counter(), Counter(), array("Q"), array("Q"))
    seen: set[int] = set()
    number = 0
    quarantine.parent.mkdir(exist_ok=True)
    with quarantine.open("wb") as odd_lines:
        for line in read_lines(source):
            number = line.number
            row = parse(line, settings)
            if isinstance(row, Quarantine):
                counts.quarantined[row] += 1
                place = {"line": line.number, "offset": line.offset, "reason": row}
                odd_lines.write(
                    msgspec.json.encode({**place, "raw": line.raw.decode("utf-8", "backslashreplace")}) + b"\n"
                )
                continue
            if isinstance(row, Drop):
                counts.dropped[row] += 1
                continue
            title, content = clean(row.title, counts.cleaned), clean(row.content, counts.cleaned)
            reason = keep(title, content, settings)
            if reason is None:
                same = xxhash.xxh3_64_intdigest(f"{title}\0{content}".encode())
                reason = Drop.DUPLICATE if same in seen else None
                seen.add(same)
            if reason is not None:
                counts.dropped[reason] += 1
                continue
            rows.append(row.uid, title, content)
            counts.titles.append(text_key(title))
            counts.contents.append(text_key(content))
    return counts._replace(lines=number)


def published_files(record: DatasetRecord) -> list[File]:
    """The shards of all splits."""
    return [file for split in record.splits.values() for file in split.files]


def require_shares(settings: Data) -> None:
    """Raises UserError where the held-out shares or the limit make no sense."""
    shares = (settings.validation_share, settings.test_share)
    if min(shares) < 0 or sum(shares) >= 1:
        raise UserError(
            f"data.validation_share {shares[0]} and data.test_share {shares[1]} must be 0 or more and sum to less than 1"
        )
    if settings.limit is not None and settings.limit < 1:
        raise UserError(f"data.limit is {settings.limit}: expected at least 1 row, or leave it out to publish all")


def require_rows(source: Path, rows: int, counts: Counts, settings: Data) -> None:
    """Raises UserError where no row was left to publish, with what became of them and the settings to look at."""
    if rows:
        return
    fate = ", ".join(f"{reason} {count:,}" for reason, count in (counts.dropped + counts.quarantined).most_common(3))
    raise UserError(f"{source}: none of {counts.lines:,} lines gives a row ({fate}); the title is looked for under "
                    f"{settings.title_column!r} and the description under {settings.content_column!r}: set "
                    "--data.title_column and --data.content_column")  # fmt: skip


def require_balance(record: DatasetRecord) -> None:
    """Every line went somewhere: lines = published + dropped + quarantined. A failure here is a bug of ours."""
    accounted = record.published + sum(record.dropped.values()) + sum(record.quarantined.values())
    if accounted != record.source.lines or record.published != sum(split.rows for split in record.splits.values()):
        raise RuntimeError(f"{record.source.lines} lines read, {accounted} accounted for: a bug in dataset_builder")
