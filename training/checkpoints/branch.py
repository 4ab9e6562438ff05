"""The newest checkpoint on a branch of the target repo, so that a lost machine costs a few steps and not the run.

The branch holds one checkpoint, replaced by one commit at a time; `main` does not show it, and it goes when the adapter is
published. It is read from the repo that the user's token may write to, and for the very same run, and nowhere else.
"""

import shutil
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from threading import Lock

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import RepositoryNotFoundError, RevisionNotFoundError

from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.pins import read_file
from titlecraft.process.quiet import transfer_bars
from titlecraft.records import Pin
from training.checkpoints.folder import CHECKPOINT, Checkpoint, checkpoints_folder, put, read_checkpoint, whole

BRANCH = "checkpoints"


def push_checkpoint(place: Path, repo: str, *, private: bool) -> None:
    """Make the branch hold this checkpoint and nothing else, in one commit; the repo is created if need be. Raises UserError."""
    api = HfApi()
    with hub_errors(f"pushing {place.name} to the branch {BRANCH} of {repo}", repo, "model"), transfer_bars(0):
        api.create_repo(repo, private=private, exist_ok=True)
        api.create_branch(repo, branch=BRANCH, exist_ok=True)
        names = {file.name: file for file in place.iterdir()}
        there = set(api.list_repo_files(repo, revision=BRANCH)) - {".gitattributes"}
        operations = [CommitOperationAdd(name, str(file)) for name, file in sorted(names.items())]
        operations += [CommitOperationDelete(name) for name in sorted(there - names.keys())]
        api.create_commit(repo, operations, commit_message=f"Checkpoint at {place.name}", revision=BRANCH)


def find_pushed(repo: str) -> tuple[Pin, Checkpoint] | None:
    """The checkpoint on the branch of a repo and the commit that it lies in, None where there is none. Raises UserError."""
    with hub_errors(f"looking for checkpoints of {repo}", repo, "model"):
        try:
            head = HfApi().repo_info(repo, revision=BRANCH).sha
        except (RepositoryNotFoundError, RevisionNotFoundError):
            return None
    pinned = Pin(type="model", repo=repo, revision=head)
    raw = read_file(pinned, CHECKPOINT)
    found = read_checkpoint(raw) if raw else None
    return (pinned, found) if found else None


def fetch_pushed(pinned: Pin, checkpoint: Checkpoint, work: Path) -> Path:
    """Download a pushed checkpoint to its place below `work`, check the sha256 of each file, and return where it is.

    Raises UserError.
    """
    fetched = work / "unfinished" / "fetched"
    shutil.rmtree(fetched, ignore_errors=True)
    names = [CHECKPOINT, *(file.path for file in checkpoint.files)]
    print(f"downloading the checkpoint at step {checkpoint.step} from the branch {BRANCH} of {pinned.repo}")
    size = sum(file.bytes for file in checkpoint.files)
    with hub_errors(f"downloading the checkpoint of {pinned}", pinned.repo, "model"), transfer_bars(size):
        HfApi().snapshot_download(pinned.repo, revision=pinned.revision, allow_patterns=names, local_dir=fetched)
    shutil.rmtree(fetched / ".cache", ignore_errors=True)  # the client's notes
    if whole(fetched) != checkpoint:
        raise UserError(f"the checkpoint in {pinned} is not what its {CHECKPOINT} lists: start again with --fresh")
    return put(fetched, checkpoints_folder(work, checkpoint.run), checkpoint.step)


def delete_branch(repo: str) -> None:
    """The adapter is published: its checkpoints are of no more use. A Hub that refuses is told about, and no error."""
    try:
        with hub_errors(f"deleting the branch {BRANCH} of {repo}", repo, "model"):
            HfApi().repo_info(repo, revision=BRANCH)
            HfApi().delete_branch(repo, branch=BRANCH)
    except UserError as error:
        if not isinstance(error.__cause__, RevisionNotFoundError):
            print(f"{error}; the adapter is published all the same")


class BackgroundPush:
    """Pushes one checkpoint at a time while training goes on. The newest that is wanted comes next, older ones are skipped."""

    def __init__(self, repo: str, private: bool) -> None:
        self.repo, self.private = repo, private
        self.lock, self.thread = Lock(), ThreadPoolExecutor(1)
        self.wanted: Path | None = None
        self.going: Path | None = None
        self.last: Future[None] | None = None
        self.warned = False

    def begin(self, place: Path) -> None:
        """Push this checkpoint as soon as the one before it is through; returns at once."""
        with self.lock:
            self.wanted = place
        self.last = self.thread.submit(self.push, place)

    def push(self, place: Path) -> None:
        """In the background. A Hub that is away is told about once, and training goes on."""
        with self.lock:
            if place != self.wanted:
                return
            self.going = place
        try:
            push_checkpoint(place, self.repo, private=self.private)
        except Exception as error:  # whatever it is: training is worth more than its copy
            if not self.warned:
                print(
                    f"\nnot pushed: {error}; training goes on, and later checkpoints are tried without a further word"
                )
            self.warned = True
        finally:
            self.going = None

    def in_use(self) -> set[Path]:
        """Checkpoints that must stay until they are pushed."""
        with self.lock:
            return {place for place in (self.going, self.wanted) if place}

    def finish(self) -> None:
        """Wait for what is being pushed."""
        if self.last:
            self.last.result()
