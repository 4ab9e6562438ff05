"""The Hub collection of a dataset, its adapters and their base models; one for each dataset and namespace."""

from huggingface_hub import HfApi
from huggingface_hub.hf_api import Collection

from titlecraft.hub.errors import hub_errors
from titlecraft.records import Pin
from titlecraft.records.lineage import Trained

DESCRIPTION = "A dataset, the adapters that were trained from it, and their base models. Their cards name the commits."
LONGEST_TITLE = 59  # characters, the Hub's limit


def add_to_collection(trained: Trained) -> str | None:
    """Add dataset, adapter and base to the dataset's collection in the adapter's namespace; private if dataset or adapter is.

    Returns a message with the collection's URL, or None if nothing was added. Raises UserError on a Hub error.
    """
    api, namespace = HfApi(), trained.adapter.repo.split("/")[0]
    with hub_errors(f"creating a collection in {namespace}", trained.adapter.repo, "model"):
        repos = [trained.dataset, trained.adapter]
        private = any(is_private(repo) for repo in repos)
        items = repos if is_private(trained.base) else [*repos, trained.base]
        collection = api.create_collection(
            title_of(trained.dataset), namespace=namespace, description=DESCRIPTION, private=private, exists_ok=True
        )
        added = add_items(collection, items)
        if private and not collection.private:
            api.update_collection_metadata(collection.slug, private=True)
    return f"collection: {collection.url}" if added else None


def add_items(collection: Collection, items: list[Pin]) -> list[Pin]:
    """Add the repos that the collection does not have; returns them."""
    present = {(item.item_type, item.item_id) for item in collection.items}
    missing = [repo for repo in items if (repo.type, repo.repo) not in present]
    for repo in missing:
        HfApi().add_collection_item(collection.slug, repo.repo, repo.type, exists_ok=True)
    return missing


def title_of(dataset: Pin) -> str:
    """The title of a dataset's collection, truncated to the Hub's limit."""
    return f"Titlecraft: {dataset.repo}"[:LONGEST_TITLE]


def is_private(pinned: Pin) -> bool:
    """Whether a repo is private."""
    return bool(HfApi().repo_info(pinned.repo, repo_type=pinned.type).private)
