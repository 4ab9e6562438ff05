"""List a published adapter on its dataset's card, and add both to a Hub collection.

Neither step may fail a training or an evaluation that is already published: an error becomes one printed line.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

from huggingface_hub import HfApi

from dataset_builder.card.write import CardInputs, read_card_inputs, write_card_of
from model_card.lineage.collection import add_to_collection
from model_card.lineage.trained import trained_at
from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.pins import pin, published_pin, read_file, require_write
from titlecraft.hub.publishing import publish, sole_publisher
from titlecraft.records import DATASET_RECORD, Pin
from titlecraft.records.lineage import Trained, with_adapter
from titlecraft.records.repo_files import CARD, LINEAGE


def announce(published: Pin, *, collection: bool) -> None:
    """List the adapter in this revision of its repo on its dataset's card. Prints the result, or why it failed."""
    try:
        # fails at once, without retries, if the Hub is unreachable
        pin(f"{published.repo}@{published.revision}", "model")
        trained = trained_at(published)
    except UserError as error:
        print(f"the adapter is published, but listed nowhere: {error}")
        return
    attempt("the dataset's card does not list this adapter", lambda: list_on_dataset(trained))
    if collection:
        attempt("the repos are not in a collection", lambda: add_to_collection(trained))


def attempt(failure: str, step: Callable[[], str | None]) -> None:
    """Run a step and print the message that it returns, or `failure` and the error in one line."""
    try:
        with hub_errors(failure, "the repo", "model"):
            message = step()
    except UserError as error:
        message = str(error) if str(error).startswith(failure) else f"{failure}: {error}"
    if message:
        print(message)


def list_on_dataset(trained: Trained) -> str | None:
    """Publish lineage.json, the card and its picture to the dataset repo; returns a message, or None if nothing changed.

    Raises UserError: no write access, not a Titlecraft dataset, a private adapter of a public dataset, the Hub is unreachable.
    """
    repo = trained.dataset.repo
    require_write(repo)
    require_same_visibility(trained)
    with sole_publisher(repo, "dataset"), tempfile.TemporaryDirectory() as temporary:
        head, folder = published_pin(repo, "dataset"), Path(temporary)
        if head is None or read_file(head, DATASET_RECORD) is None:
            raise UserError(f"{repo} has no {DATASET_RECORD}, so its card is not ours")
        inputs = read_card_inputs(head)
        lineage = with_adapter(inputs.lineage, trained)
        if inputs.lineage == lineage:
            return None
        (folder / LINEAGE).write_bytes(lineage.to_json())
        write_card_of(folder, CardInputs(repo, inputs.record, lineage), head)
        best = trained.reports[0] if trained.reports else None
        what = f"report {best.id} of " if best else ""
        commit = publish(
            repo,
            "dataset",
            head,
            folder,
            f"List {what}{trained.adapter}",
            private=True,
            replaces=(),
            check=lambda local: require_listed(local, head),
        )
    return f"listed on the dataset's card: {commit}"


def require_listed(local: Path, head: Pin) -> None:
    """Raise UserError if the published revision lacks lineage.json or the card."""
    if not (local / LINEAGE).is_file() or not (local / CARD).is_file():
        raise UserError(f"{head.repo}: {LINEAGE} or {CARD} is missing after publishing")


def require_same_visibility(trained: Trained) -> None:
    """Raise UserError for a private adapter of a public dataset: listing it would publish its name and scores."""
    api = HfApi()
    adapter, dataset = trained.adapter.repo, trained.dataset.repo
    with hub_errors(f"looking up {adapter}", adapter, "model"):
        private = api.repo_info(adapter).private
    with hub_errors(f"looking up {dataset}", dataset, "dataset"):
        if private and not api.repo_info(dataset, repo_type="dataset").private:
            raise UserError(f"{adapter} is private and {dataset} is public; make the adapter public and run this again")
