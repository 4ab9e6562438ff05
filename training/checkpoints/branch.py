"""The newest checkpoint on a branch of the target repo, for runs on machines that may be lost.

The branch holds one checkpoint; each push replaces it in one commit. Publishing the adapter deletes the branch. A checkpoint is
read only from the target repo, to which the user's token can write, and only if its run has the same key.
"""

import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.pins import commit_of, read_file
from titlecraft.process.quiet import transfer_bars
from titlecraft.records import Pin
from titlecraft.records.repo_files import GIT_ATTRIBUTES
from training.checkpoints.folder import (
    CHECKPOINT,
    Checkpoint,
    checkpoints_folder,
    load_if_complete,
    move_into_place,
    read_checkpoint,
)

BRANCH = "checkpoints"


def push_checkpoint(path: Path, repo: str, *, private: bool) -> None:
    """Replace the branch's content with this checkpoint, in one commit. Creates the repo if needed. Raises UserError."""
    api = HfApi()
    with hub_errors(f"pushing {path.name} to the branch {BRANCH} of {repo}", repo, "model"), transfer_bars(0):
        api.create_repo(repo, private=private, exist_ok=True)
        api.create_branch(repo, branch=BRANCH, exist_ok=True)
        names = {file.name: file for file in path.iterdir()}
        present = set(api.list_repo_files(repo, revision=BRANCH)) - {GIT_ATTRIBUTES}
        operations = [CommitOperationAdd(name, str(file)) for name, file in sorted(names.items())]
        operations += [CommitOperationDelete(name) for name in sorted(present - names.keys())]
        api.create_commit(repo, operations, commit_message=f"Checkpoint at {path.name}", revision=BRANCH)


def find_pushed(repo: str) -> tuple[Pin, Checkpoint] | None:
    """The commit at the head of the branch and its checkpoint, or None if there is none. Raises UserError."""
    with hub_errors(f"looking for checkpoints of {repo}", repo, "model"):
        try:
            head = commit_of(HfApi().repo_info(repo, revision=BRANCH))
        except (RepositoryNotFoundError, RevisionNotFoundError):
            return None
    pinned = Pin(type="model", repo=repo, revision=head)
    raw = read_file(pinned, CHECKPOINT)
    checkpoint = read_checkpoint(raw) if raw else None
    return (pinned, checkpoint) if checkpoint else None


def fetch_pushed(pinned: Pin, checkpoint: Checkpoint, work: Path) -> Path:
    """Download a pushed checkpoint into the work folder and return its path.

    Raises UserError if a file does not have its sha256.
    """
    fetched = work / "unfinished" / "fetched"
    shutil.rmtree(fetched, ignore_errors=True)
    names = [CHECKPOINT, *(file.path for file in checkpoint.files)]
    print(f"downloading the checkpoint at step {checkpoint.step} from the branch {BRANCH} of {pinned.repo}")
    size = sum(file.bytes for file in checkpoint.files)
    with hub_errors(f"downloading the checkpoint of {pinned}", pinned.repo, "model"), transfer_bars(size):
        HfApi().snapshot_download(pinned.repo, revision=pinned.revision, allow_patterns=names, local_dir=fetched)
    shutil.rmtree(fetched / ".cache", ignore_errors=True)  # written by the Hub's client
    if load_if_complete(fetched) != checkpoint:
        raise UserError(f"the checkpoint in {pinned} is not what its {CHECKPOINT} lists: start again with --fresh")
    return move_into_place(fetched, checkpoints_folder(work, checkpoint.run), checkpoint.step)


def delete_branch(repo: str) -> None:
    """Delete the branch once the adapter is published. A failure is printed and is not an error."""
    try:
        with hub_errors(f"deleting the branch {BRANCH} of {repo}", repo, "model"):
            HfApi().repo_info(repo, revision=BRANCH)
            HfApi().delete_branch(repo, branch=BRANCH)
    except UserError as error:
        if not isinstance(error.__cause__, RevisionNotFoundError):
            print(f"{error}; the adapter is published")


class BackgroundPush:
    """Pushes checkpoints in a background thread, one at a time; of those that wait, only the newest is pushed."""

    def __init__(self, repo: str, private: bool) -> None:
        self.repo, self.private = repo, private
        self.lock, self.thread = Lock(), ThreadPoolExecutor(1)
        self.waiting: Path | None = None
        self.in_progress: Path | None = None
        self.last: Future[None] | None = None
        self.warned = False

    def begin(self, path: Path) -> None:
        """Queue this checkpoint; returns at once."""
        with self.lock:
            self.waiting = path
        self.last = self.thread.submit(self.push, path)

    def push(self, path: Path) -> None:
        """Push one checkpoint, in the background thread. The first failure is printed; training continues."""
        with self.lock:
            if path != self.waiting:
                return
            self.in_progress = path
        try:
            push_checkpoint(path, self.repo, private=self.private)
        except Exception as error:  # a failed push must not end the training
            if not self.warned:
                print(f"\nnot pushed: {error}; training continues, and later failures are not printed")
            self.warned = True
        finally:
            self.in_progress = None

    def in_use(self) -> set[Path]:
        """Checkpoints that wait or are being pushed: they must not be deleted."""
        with self.lock:
            return {path for path in (self.in_progress, self.waiting) if path}

    def finish(self) -> None:
        """Wait until all pushes have ended."""
        if self.last:
            self.last.result()
