"""Both passes of a build: catalogue -> cleaned rows -> groups and splits -> shards -> dataset record."""

from collections import Counter
from pathlib import Path

import numpy as np

from dataset_builder.card.write import first_row
from dataset_builder.checks.guards import (
    files_without_rows,
    mostly_empty,
    require_balance,
    require_columns,
    require_few_quarantined,
    require_no_claim_for_amazon,
    require_rows,
    without_identifiers,
)
from dataset_builder.checks.leakage import Sketches, measure_leakage
from dataset_builder.engine.interface import Engine
from dataset_builder.first_pass import read_rows
from dataset_builder.language import detect_languages
from dataset_builder.options import BuildHooks, BuildOptions
from dataset_builder.shards.alpaca import published_columns
from dataset_builder.shards.statistics import length_distribution
from dataset_builder.shards.wording import Wording
from dataset_builder.shards.write import RowFiles, ShardResult, plan_shards, write_shard
from dataset_builder.source.files.catalogue import CatalogueFile, Content
from dataset_builder.source.read_blocks import expected_lines, require_whole
from dataset_builder.splits.assign import SPLITS
from dataset_builder.splits.groups import Groups, group_and_assign, require_training_rows
from dataset_builder.workers.array_file import save_array
from titlecraft.prompt import PromptFormat
from titlecraft.records import (
    Code,
    DatasetRecord,
    Source,
    SourceFile,
    Split,
    digest,
)
from titlecraft.records.dataset import key_inputs
from titlecraft.records.repo_files import PROMPT_FILE, QUARANTINE
from titlecraft.settings import Recipe

PUBLISH_FOLDER = "publish"  # below the work folder


def describe_files(
    files: list[CatalogueFile], contents: list[Content], lines: list[int] | None = None
) -> list[SourceFile]:
    """Return the source's files as the record lists them; `lines` is None before the lines are counted."""
    counts = lines or [0] * len(files)
    return [
        SourceFile(name=file.name, bytes=content.bytes, sha256=content.sha256, lines=count)
        for file, content, count in zip(files, contents, counts, strict=True)
    ]


def write_dataset(
    files: list[CatalogueFile],
    recipe: Recipe,
    work: Path,
    engine: Engine,
    code: Code,
    hooks: BuildHooks,
    options: BuildOptions,
) -> DatasetRecord:
    """Run both passes: write quarantine, prompt and shards into PUBLISH_FOLDER below `work`, and return the record.

    `hooks.contents` and `hooks.require_unchanged` are called after the first pass, before the first shard is complete.
    Raises UserError if more than `options.max_loss` of the lines are quarantined.
    """
    folder = work / PUBLISH_FOLDER
    folder.mkdir(parents=True)
    rows = read_rows(files, recipe.data, work, folder / QUARANTINE, engine)
    require_no_claim_for_amazon(rows, options.about)
    require_columns(files, rows, recipe.data)
    require_few_quarantined(files, rows, options.max_loss)
    if 0 < sum(rows.lines) == sum(rows.quarantined.values()):  # all lines are malformed, not only a cut last line
        require_rows(files, rows, recipe.data)
    missing = require_whole(files, rows.lines, rows.cut, rows.first_line, options.allow_incomplete)
    require_rows(files, rows, recipe.data)
    settings = recipe.data
    for warning in (files_without_rows(files, rows), mostly_empty(rows, settings), without_identifiers(rows, settings)):
        if warning:
            hooks.warn(warning)
    sources = describe_files(files, hooks.contents(), rows.lines)
    hooks.require_unchanged()
    groups = group_and_assign(rows, recipe.data, engine.in_order)
    (folder / PROMPT_FILE).write_bytes(PromptFormat.from_settings(recipe.prompt, recipe.data.keep_columns).to_json())
    require_training_rows(files, groups, recipe.data)
    by_row = {"assigned": groups.assigned, "titles": rows.titles, "contents": rows.contents}
    for name, values in by_row.items():
        save_array(work / f"{name}.npy", values)
    row_files = RowFiles(rows.files, rows.begins, **{name: work / f"{name}.npy" for name in by_row})
    shards: list[ShardResult] = []
    languages: list[str] | None = None
    wording = Wording.from_settings(recipe.prompt, recipe.data.seed)
    for shard in engine.in_order(
        write_shard, plan_shards(row_files, folder, wording, recipe.data.rows_per_shard, published_columns(recipe.data))
    ):
        shards.append(shard)
        if len(shards) == 1:  # of the training split; workers write the others meanwhile
            languages = detect_languages(folder / shard.file.path)
        hooks.shard_written(shard.file.path)
    sketches = None if rows.sketches is None else Sketches(rows.contents, rows.sketches, rows.measurable)
    first_shard = folder / next(shard.file.path for shard in shards if shard.split == SPLITS[0])
    with_rows = [name for name in SPLITS if any(shard.split == name for shard in shards)]
    record = DatasetRecord(
        key=digest(key_inputs(sources, recipe.data, recipe.prompt, code)),
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
        about=options.about,
        splits={name: describe_split(SPLITS.index(name), name, groups, shards) for name in with_rows},
        leakage=measure_leakage(folder, shards, sketches, engine.in_order),
        example=first_row(first_shard),
        detected_languages=languages,
    )
    require_balance(record)
    return record


def describe_split(index: int, name: str, groups: Groups, shards: list[ShardResult]) -> Split:
    """Return one split as the record describes it, from its written shards."""
    split_shards = [shard for shard in shards if shard.split == name]
    _, sizes = np.unique(groups.keys[groups.assigned == index], return_counts=True)
    return Split(
        rows=sum(len(shard.lengths) for shard in split_shards),
        groups=len(sizes),
        largest_group=int(sizes.max(initial=0)),
        files=[shard.file for shard in split_shards],
        output_length=length_distribution(np.concatenate([shard.lengths for shard in split_shards])),
        bytes_in_memory=sum(shard.in_memory for shard in split_shards),
    )
