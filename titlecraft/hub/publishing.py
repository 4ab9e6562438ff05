"""Publishing: one commit from a folder, then a download of that commit that compares every sha256 and loads the result.

A stage that is killed at any moment leaves the repo as it was. Large files that were uploaded before are not uploaded
again: the Hub stores them by sha256.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from filelock import FileLock, Timeout
from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi, constants

from titlecraft.errors import UserError
from titlecraft.hub.checksums import published_before, sums_of_kept, write_sums
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.pins import FIRST_FILES, published_pin
from titlecraft.process.quiet import transfer_bars
from titlecraft.records import Pin, RepoType, file_sha256
from titlecraft.records.repo_files import CHECKSUMS, EVENT_FILES, HUB_RESULTS, LINEAGE

# what a new adapter takes the place of in its repo; reports are about the adapter that they measured
REPLACED_BY_TRAINING = ("assets/*", "evaluation/*", f"{HUB_RESULTS}/*", f"{EVENT_FILES}/*", "adapter_*", LINEAGE)


@contextmanager
def sole_publisher(repo: str, type: RepoType) -> Iterator[None]:
    """Lock a target repo against other runs on this machine; across machines the parent commit decides.

    Raises UserError if another run holds the lock.
    """
    folder = Path(constants.HF_HOME) / "titlecraft" / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / f"{type}--{repo.replace('/', '--')}.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise UserError(
            f"another run is publishing to {type} {repo} right now (lock {lock.lock_file}): wait for it"
        ) from None
    try:
        yield
    finally:
        lock.release()


def publish(
    repo: str,
    type: RepoType,
    parent: Pin | None,
    folder: Path,
    message: str,
    *,
    private: bool,
    replaces: tuple[str, ...],
    check: Callable[[Path], None],
) -> Pin:
    """Publish the files of `folder` to the repo, in one commit on top of `parent`; return the new state.

    The commit adds SHA256SUMS, which lists every file of the new state that was published this way.

    Args:
        repo: NS/NAME; created (private or public) if `parent` is None, otherwise the name of `parent`.
        parent: the head when the stage began; if it has moved since, nothing is published.
        folder: every file below it is published.
        replaces: glob patterns of files that are deleted if `folder` lacks them. A file that SHA256SUMS does not list was
            added by a person and stays.
        check: loads the downloaded folder as a user would, and raises if it cannot.

    Raises:
        UserError: no write access, a head that moved, an unreachable Hub, a full disk, or other bytes after the download.
    """
    repo = parent.repo if parent else repo
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    sums = {name: file_sha256(path) for name, path in names.items() if name != CHECKSUMS}
    api = HfApi()
    size = sum(path.stat().st_size for path in paths)
    with hub_errors(f"publishing to {type} {repo} did not finish", repo, type), transfer_bars(size):
        new = parent is None
        if parent is None:
            sdk = "gradio" if type == "space" else None
            api.create_repo(repo, repo_type=type, private=private, exist_ok=True, space_sdk=sdk)
            parent = published_pin(repo, type)
        if parent is None:
            raise UserError(f"{type} {repo} was deleted in the meantime; run the same command again")
        head_paths = api.list_repo_files(repo, repo_type=type, revision=parent.revision)
        if new and set(head_paths) - FIRST_FILES[type]:
            raise UserError(f"somebody else published to {type} {repo} in the meantime; run the same command again")
        published_paths = published_before(parent, head_paths)
        stale = [
            name for name in published_paths if name not in names and any(fnmatch(name, glob) for glob in replaces)
        ]
        kept_sums = sums_of_kept(parent, head_paths, lambda name: name not in names and name not in stale)
        listed = write_sums(kept_sums | sums)
        operations = [CommitOperationAdd(name, str(names[name])) for name in sums]
        operations += [CommitOperationAdd(CHECKSUMS, listed)]
        operations += [CommitOperationDelete(name) for name in stale]
        commit = api.create_commit(
            repo, operations, commit_message=message, repo_type=type, parent_commit=parent.revision
        )
    published = Pin(type=type, repo=repo, revision=commit.oid)
    with transfer_bars(size):
        verify_published(published, sums | {CHECKSUMS: hashlib.sha256(listed).hexdigest()}, check)
    return published


def upload_ahead(repo: str, type: RepoType, folder: Path, name: str, *, private: bool) -> None:
    """Upload a finished large file of `folder` before the others exist. No revision shows it until `publish` commits it.

    The Hub stores it by sha256: neither `publish` nor a run after a crash uploads it again.
    """
    api = HfApi()
    with (
        hub_errors(f"publishing to {type} {repo} did not finish", repo, type),
        transfer_bars((folder / name).stat().st_size),
    ):
        api.create_repo(repo, repo_type=type, private=private, exist_ok=True)
        api.preupload_lfs_files(repo, [CommitOperationAdd(name, str(folder / name))], repo_type=type)


def tag(published: Pin, name: str) -> None:
    """Tag a published state; no-op if the repo has this tag already."""
    with hub_errors(f"tagging {published} as {name}", published.repo, published.type):
        HfApi().create_tag(
            published.repo, tag=name, revision=published.revision, repo_type=published.type, exist_ok=True
        )


def verify_published(published: Pin, sums: dict[str, str], check: Callable[[Path], None]) -> None:
    """Download the new commit without the cache, compare every sha256, and load the result. Raises UserError."""
    with hub_errors(f"{published} was published, but could not be verified", published.repo, published.type):
        local = Path(
            HfApi().snapshot_download(
                published.repo,
                repo_type=published.type,
                revision=published.revision,
                allow_patterns=list(sums),
                force_download=True,
            )
        )
    for name, sha256 in sums.items():
        if file_sha256(local / name) != sha256:
            raise UserError(f"{published}: {name} came back with other bytes than were sent; do not use this revision")
    try:
        check(local)
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{published} was published, but what came back does not load: {error}") from error


def work_folder(stage: str, repo: str, below: str | None = None) -> Path:
    """Return the folder for unpublished work of a stage, below TITLECRAFT_WORK or the Hub client's home."""
    root = Path(below or os.environ.get("TITLECRAFT_WORK", Path(constants.HF_HOME) / "titlecraft" / "work")).absolute()
    folder = root / stage / repo.replace("/", "--")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
