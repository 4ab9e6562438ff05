"""titlecraft build trn.json.gz --repo NS/NAME

Catalogue -> clean -> group -> split -> Alpaca -> one commit on the Hub. The first pass reads, cleans and counts every line.
Then duplicates are dropped and every row is assigned to a split. The second pass writes the shards.
"""

import shutil
import sys

from dataset_builder.card.write import PICTURES, require_readable_card, write_card
from dataset_builder.checks.loads import require_files, require_loads
from dataset_builder.checks.valid_settings import require_about, require_settings
from dataset_builder.engine.choose import start_engine
from dataset_builder.engine.interface import PACKAGES, require_engine
from dataset_builder.options import BuildHooks, BuildOptions
from dataset_builder.outcome import split_notes
from dataset_builder.source.examine import examine_files
from dataset_builder.source.files.addresses import is_url
from dataset_builder.source.files.hub_datasets import pinned_sources
from dataset_builder.source.files.standard_input import STANDARD_INPUT, kept_standard_input
from dataset_builder.source.find_files import find_files, require_unchanged
from dataset_builder.splits.assign import SPLITS
from dataset_builder.write_dataset import PUBLISH_FOLDER, describe_files, write_dataset
from titlecraft.errors import UserError
from titlecraft.hub.data_revision import data_revision, newest_with_the_same_data
from titlecraft.hub.pins import current_name, find_record, published_pin, require_own, require_write
from titlecraft.hub.publishing import publish, sole_publisher, tag, upload_ahead, work_folder
from titlecraft.prompt import require_places
from titlecraft.records import (
    DATASET_RECORD,
    DatasetRecord,
    File,
    Pin,
    current_code,
    digest,
)
from titlecraft.records.dataset import About, key_inputs
from titlecraft.records.repo_files import QUARANTINE
from titlecraft.settings import Recipe

REPLACES = (*(f"data/{split}-*-of-*.parquet" for split in SPLITS), QUARANTINE, *PICTURES)


def build(sources: list[str], repo: str, recipe: Recipe, options: BuildOptions) -> tuple[Pin, DatasetRecord]:
    """Publish the dataset; return its pin and its record.

    No-op (prints a message) if `repo` already holds a dataset with the same source, settings and code, unless
    `options.fresh`. The result does not depend on the engine or the number of workers. Raises UserError and leaves the repo
    unchanged: source and settings are checked before the first upload. A run that is killed during the first uploads to a
    new repo leaves an empty repo behind; the same command completes it.

    Args:
        sources: paths, folders, globs and fsspec URLs of the catalogue's files, datasets of the Hub, or `-`.
    """
    require_options(recipe, options)
    if STANDARD_INPUT in sources and options.engine != "local":
        raise UserError("-: standard input is for the local engine; give --engine ray files that every node can read")
    require_write(repo)
    with kept_standard_input(pinned_sources(sources, options.config, options.split)) as kept:
        return build_from(kept, repo, recipe, options)


def require_options(recipe: Recipe, options: BuildOptions) -> None:
    """Raise UserError if options or settings are invalid, before anything is read."""
    require_engine(options.engine, options.workers, options.work_storage)
    require_settings(recipe.data, options.max_loss)
    require_about(options.about)
    require_places(recipe.prompt, recipe.data.keep_columns)


def build_from(sources: list[str], repo: str, recipe: Recipe, options: BuildOptions) -> tuple[Pin, DatasetRecord]:
    """Publish the dataset of these files; see `build`."""
    storage = options.work_storage
    listed = find_files(sources)
    repo = current_name(repo, "dataset")
    work = work_folder("build", repo, None if storage and is_url(storage) else storage)
    with (
        sole_publisher(repo, "dataset"),
        start_engine(options.engine, options.workers, listed, work, storage) as engine,
    ):
        code = current_code("dataset_builder", *PACKAGES)
        files = examine_files(listed, recipe.data, engine.in_order)
        head = published_pin(repo, "dataset")
        require_own(head, DATASET_RECORD)
        require_readable_card(head)
        contents = engine.hash(files)
        if head is not None and not options.fresh:  # otherwise the hashes are needed only after the first pass
            key = digest(key_inputs(describe_files(files, contents()), recipe.data, recipe.prompt, code))
            record = find_record(head, DATASET_RECORD, DatasetRecord, key, published_files)
            if record and options.about in (About(), record.about):
                print(f"nothing to do: {repo} was built from this very source, recipe and code")
                built = data_revision(head)
                tag(built, f"build-{key[:12]}")
                return built, record
        shutil.rmtree(work)
        folder = work / PUBLISH_FOLDER
        hooks = BuildHooks(
            contents,
            require_unchanged=lambda: require_unchanged(sources, listed),
            shard_written=lambda path: upload_ahead(repo, "dataset", folder, path, private=options.private),
            warn=warn,
        )
        record = write_dataset(files, recipe, work, engine, code, hooks, options)
        (folder / DATASET_RECORD).write_bytes(record.to_json())
        for note in split_notes(record):
            warn(note)
        head = newest_with_the_same_data(head)
        write_card(folder, repo, head)
        message = f"Build {record.published:,} rows from {record.source} (sha256 {record.source.files[0].sha256[:12]}"
        message += ")" if len(files) == 1 else ", …)"
        published = publish(
            repo,
            "dataset",
            head,
            folder,
            message,
            private=options.private,
            replaces=REPLACES,
            check=lambda download: require_files(download, record),
        )
        require_loads(published, record)
        tag(published, f"build-{record.key[:12]}")
        shutil.rmtree(work)
    return published, record


def warn(message: str) -> None:
    """Print a warning on stderr."""
    print(f"warning: {message}", file=sys.stderr)


def published_files(record: DatasetRecord) -> list[File]:
    """The shards of all splits."""
    return [file for split in record.splits.values() for file in split.files]
