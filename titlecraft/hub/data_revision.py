"""The commit of a dataset's data, independent of later commits that change its card, pictures or lineage.

A dataset without an explicit revision is pinned to the commit that wrote its current record. Rendering its card again
moves the head of the repo, but does not invalidate trainings or evaluations.
"""

from fnmatch import fnmatch

from huggingface_hub import HfApi
from huggingface_hub.hf_api import LastCommitInfo, RepoFile

from titlecraft.hub.errors import hub_errors
from titlecraft.hub.pins import pin, published_pin
from titlecraft.records import DATASET_RECORD, Pin
from titlecraft.records.repo_files import CARD, CHECKSUMS, GIT_ATTRIBUTES, HUB_TASKS, LINEAGE, SIGNATURE

BESIDE_THE_DATA = (CARD, LINEAGE, CHECKSUMS, GIT_ATTRIBUTES, HUB_TASKS, SIGNATURE, "assets/*")


def pin_data(reference: str) -> Pin:
    """Resolve NS/NAME[@REVISION] of a dataset: an explicit revision as given, otherwise the commit of its data.

    Raises UserError if the dataset or revision does not exist.
    """
    pinned = pin(reference, "dataset")
    return pinned if "@" in reference else data_revision(pinned)


def data_revision(state: Pin) -> Pin:
    """Return the commit that wrote the current dataset record.

    Returns the state itself if it has no such record, or if data or prompt changed without a new record.
    """
    commit = last_changes(state, [DATASET_RECORD]).get(DATASET_RECORD)
    if commit is None or commit == state or data_files(commit) != data_files(state):
        return state
    return commit


def newest_with_the_same_data(head: Pin | None) -> Pin | None:
    """Return the current head of the repo if only files beside the data changed since `head`; otherwise `head`.

    Publishing refuses an outdated head. A training that ends while a dataset is built lists its adapter on the dataset's card.
    """
    if head is None:
        return None
    newest = published_pin(head.repo, "dataset")
    return newest if newest and newest != head and data_revision(newest) == data_revision(head) else head


def last_changes(state: Pin, paths: list[str]) -> dict[str, Pin]:
    """Return, for each of these files in the state, the commit that last changed it."""
    commits = last_commits(state, paths)
    return {path: Pin(type=state.type, repo=state.repo, revision=commit.oid) for path, commit in commits.items()}


def last_commits(state: Pin, paths: list[str]) -> dict[str, LastCommitInfo]:
    """Return, for each of these files in the state, id and date of the commit that last changed it."""
    if not paths:
        return {}
    with hub_errors(f"looking into {state}", state.repo, state.type):
        infos = HfApi().get_paths_info(state.repo, paths, repo_type=state.type, revision=state.revision, expand=True)
    return {file.path: file.last_commit for file in infos if file.last_commit}


def data_files(state: Pin) -> dict[str, str]:
    """Return path -> git object id of all files of a state except those beside the data."""
    with hub_errors(f"looking into {state}", state.repo, state.type):
        files = HfApi().list_repo_tree(state.repo, recursive=True, repo_type=state.type, revision=state.revision)
        blob_ids = {file.path: file.blob_id for file in files if isinstance(file, RepoFile)}
    return {path: id for path, id in blob_ids.items() if not any(fnmatch(path, glob) for glob in BESIDE_THE_DATA)}
