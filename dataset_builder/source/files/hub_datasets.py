"""Datasets of the Hub as a source: `datasets/NS/NAME[@REVISION][/PATH]`, with or without `hf://`, pinned to their commits."""

import re
from pathlib import Path
from urllib.parse import unquote

from dataset_builder.source.files.addresses import without_secrets
from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.loaded_path import loaded_path
from titlecraft.hub.pins import pin
from titlecraft.process.quiet import without_datasets_bars
from titlecraft.records import Pin

ADDRESS = re.compile(r"(hf://)?datasets/([^/@]+/[^/@]+)(?:@([^/]+))?(?:/(.*))?")
ALIASES = {"~parquet": "refs/convert/parquet", "~duckdb": "refs/convert/duckdb"}  # as in Hub paths


def pinned_sources(sources: list[str], config: str | None, split: str | None) -> list[str]:
    """Return the sources with every dataset of the Hub replaced by its files at a commit; other sources stay.

    A dataset without a path gives the files of a config and a split, of the default config and of all splits if these are
    None. Raises UserError if there is no such dataset, config or split, or if `config` or `split` fit no source.
    """
    pinned: list[str] = []
    used = config is None and split is None
    for source in sources:
        found = ADDRESS.fullmatch(source)
        if not found or (not found[1] and Path(source).exists()):
            pinned.append(source)
            continue
        revision = unquote(found[3]) if found[3] else "main"
        commit = pin(f"{found[2]}@{ALIASES.get(revision, revision)}", "dataset")
        if path := (found[4] or "").strip("/"):
            pinned.append(f"{address(commit)}/{path}")
        else:
            pinned += data_files(commit, config, split)
            used = True
    if not used:
        raise UserError(
            "--config and --split choose from a dataset of the Hub: expected a source datasets/NAMESPACE/NAME"
        )
    return pinned


def address(commit: Pin) -> str:
    """Return the fsspec URL of a dataset at a commit."""
    return f"hf://datasets/{commit.repo}@{commit.revision}"


def data_files(commit: Pin, config: str | None, split: str | None) -> list[str]:
    """Return the files of a config and a split (all splits if None), as `datasets` finds them from the card or the names."""
    from datasets import load_dataset_builder

    try:
        with hub_errors(f"reading {commit}", commit.repo, commit.type), without_datasets_bars():
            builder = load_dataset_builder(loaded_path(commit.repo), config, revision=commit.revision)
    except UserError:
        raise
    except Exception as error:
        message = without_secrets(" ".join(str(error).split()))
        fix = "choose one with --config" if "onfig" in message else f"name its files: datasets/{commit.repo}/PATH"
        raise UserError(f"{commit}: {type(error).__name__}: {message}; {fix}") from error
    files = {str(name): list(paths) for name, paths in (builder.config.data_files or {}).items()}
    if not files:
        raise UserError(f"{commit} has no data files that `datasets` finds: name them: datasets/{commit.repo}/PATH")
    if split is not None and split not in files:
        raise UserError(f"{commit} has no split {split!r}: expected --split {' or '.join(files)}")
    print(f"{commit}: config {builder.config.name}, split {split or ', '.join(files)}")
    return [quoted(path, commit) for name in ([split] if split else files) for path in files[name]]


def quoted(path: str, commit: Pin) -> str:
    """Return the URL of a file, with the commit instead of any other revision."""
    found = ADDRESS.fullmatch(path)
    return path if found is None else f"{address(commit)}/{found[4]}"
