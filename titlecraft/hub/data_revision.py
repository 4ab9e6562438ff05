"""The state of a dataset's data, whatever else its repo has been given since: cards, pictures, lists of adapters.

A dataset that is named without a revision is pinned to the commit that wrote its record as it is now. So a card that is
rendered anew moves the repo's head, and no training and no evaluation.
"""

from fnmatch import fnmatch

from huggingface_hub import HfApi
from huggingface_hub.hf_api import RepoFile

from titlecraft.hub.errors import hub_errors
from titlecraft.hub.pins import pin, published_pin
from titlecraft.records import DATASET_RECORD, Pin
from titlecraft.records.repo_files import CARD, CHECKSUMS, GIT_ATTRIBUTES, LINEAGE

BESIDE_THE_DATA = (CARD, LINEAGE, CHECKSUMS, GIT_ATTRIBUTES, "assets/*")


def pin_data(reference: str) -> Pin:
    """Resolve a dataset's NS/NAME[@REVISION]: a revision that is named as it stands, else that of the data.

    Raises UserError where there is no such dataset or revision.
    """
    pinned = pin(reference, "dataset")
    return pinned if "@" in reference else data_revision(pinned)


def data_revision(state: Pin) -> Pin:
    """The commit that wrote the dataset's record as it stands in this state; all data are the same in both.

    The state itself where it has no record of ours, and where somebody changed data or prompt without writing a record.
    """
    written = last_changes(state, [DATASET_RECORD]).get(DATASET_RECORD)
    if written is None or written == state or data_files(written) != data_files(state):
        return state
    return written


def newest_with_the_same_data(head: Pin | None) -> Pin | None:
    """The repo's head now, where only what lies beside the data has changed since `head`; else `head`, which will be refused.

    A training that ends while a dataset is built lists its adapter on the dataset's card.
    """
    if head is None:
        return None
    now = published_pin(head.repo, "dataset")
    return now if now and now != head and data_revision(now) == data_revision(head) else head


def last_changes(state: Pin, paths: list[str]) -> dict[str, Pin]:
    """For each of these files that the state has, the commit that made it what it is there."""
    if not paths:
        return {}
    with hub_errors(f"looking into {state}", state.repo, state.type):
        found = HfApi().get_paths_info(state.repo, paths, repo_type=state.type, revision=state.revision, expand=True)
    return {
        file.path: Pin(type=state.type, repo=state.repo, revision=file.last_commit.oid)
        for file in found
        if file.last_commit
    }


def data_files(state: Pin) -> dict[str, str]:
    """Path -> git's id of all files of a state but those that lie beside the data."""
    with hub_errors(f"looking into {state}", state.repo, state.type):
        files = HfApi().list_repo_tree(state.repo, recursive=True, repo_type=state.type, revision=state.revision)
        found = {file.path: file.blob_id for file in files if isinstance(file, RepoFile)}
    return {path: id for path, id in found.items() if not any(fnmatch(path, glob) for glob in BESIDE_THE_DATA)}
