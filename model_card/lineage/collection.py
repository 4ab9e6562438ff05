"""A collection on the Hub that ties dataset, adapter and base together; one for each dataset and publisher."""

from huggingface_hub import HfApi
from huggingface_hub.hf_api import Collection

from titlecraft.hub.errors import hub_errors
from titlecraft.records import Pin
from titlecraft.records.lineage import Trained

DESCRIPTION = "A dataset, the adapters that were trained from it, and their base models. Their cards name the commits."
LONGEST_TITLE = 59  # characters that the Hub takes


def tie_together(trained: Trained) -> str | None:
    """Put the repos into the collection of their dataset, in the namespace of the adapter; private if one of them is.

    Returns its address where something was changed, else None. Raises UserError where the Hub refuses.
    """
    api, namespace = HfApi(), trained.adapter.repo.split("/")[0]
    with hub_errors(f"making a collection for {namespace}", trained.adapter.repo, "model"):
        ours = [trained.dataset, trained.adapter]
        private = any(is_private(pinned) for pinned in ours)
        items = ours if is_private(trained.base) else [*ours, trained.base]
        found = api.create_collection(
            title_of(trained.dataset), namespace=namespace, description=DESCRIPTION, private=private, exists_ok=True
        )
        new = add_items(found, items)
        if private and not found.private:
            api.update_collection_metadata(found.slug, private=True)
    return f"collection: {found.url}" if new else None


def add_items(found: Collection, items: list[Pin]) -> list[Pin]:
    """Add those that it does not hold yet; returns them."""
    held = {(item.item_type, item.item_id) for item in found.items}
    new = [pinned for pinned in items if (pinned.type, pinned.repo) not in held]
    for pinned in new:
        HfApi().add_collection_item(found.slug, pinned.repo, pinned.type, exists_ok=True)
    return new


def title_of(dataset: Pin) -> str:
    """What the collection is called: by the dataset, cut to what the Hub takes."""
    return f"Titlecraft: {dataset.repo}"[:LONGEST_TITLE]


def is_private(pinned: Pin) -> bool:
    """Whether a repo is private."""
    return bool(HfApi().repo_info(pinned.repo, repo_type=pinned.type).private)
