"""After an adapter or a report has been published: the dataset's card lists it, and a Hub collection ties them together.

Both are a courtesy to whoever comes from the other side. Neither may make a training or an evaluation fail that is already
published: what cannot be done is said in one line.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

from huggingface_hub import HfApi

from dataset_builder.card.write import CardInputs, read_card_inputs, write_card_of
from model_card.lineage.collection import tie_together
from model_card.lineage.trained import trained_at
from titlecraft.errors import UserError
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.pins import pin, published_pin, read_file, require_write
from titlecraft.hub.publishing import publish, sole_publisher
from titlecraft.records import DATASET_RECORD, Pin
from titlecraft.records.lineage import Trained, with_adapter
from titlecraft.records.repo_files import CARD, LINEAGE


def announce(published: Pin, *, collection: bool) -> None:
    """List an adapter, as it is in this state of its repo, where it belongs; prints what was done, or why it was not."""
    try:
        pin(
            f"{published.repo}@{published.revision}", "model"
        )  # a Hub that has gone is noticed at once, without retries
        trained = trained_at(published)
    except UserError as error:
        print(f"the adapter is published, but listed nowhere: {error}")
        return
    attempt("the dataset's card does not list this adapter", lambda: list_on_dataset(trained))
    if collection:
        attempt("no collection ties the repos together", lambda: tie_together(trained))


def attempt(otherwise: str, do: Callable[[], str | None]) -> None:
    """Print what was done, if anything; or in one line why it was not."""
    try:
        with hub_errors(otherwise, "the repo", "model"):
            said = do()
    except UserError as error:
        said = str(error) if str(error).startswith(otherwise) else f"{otherwise}: {error}"
    if said:
        print(said)


def list_on_dataset(trained: Trained) -> str | None:
    """One commit with lineage.json, the card and its picture; returns what was done, None where all was as it should be.

    Raises UserError: no right, a dataset that is none of ours, a private adapter of a public dataset, the Hub is gone.
    """
    repo = trained.dataset.repo
    require_write(repo)
    require_not_shown_to_more(trained)
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
        done = publish(
            repo, "dataset", head, folder, f"List {what}{trained.adapter}", private=True, replaces=(),
            check=lambda local: require_listed(local, head),
        )  # fmt: skip
    return f"listed on the dataset's card: {done}"


def require_listed(local: Path, head: Pin) -> None:
    """What came back is a list and a card. Raises UserError."""
    if not (local / LINEAGE).is_file() or not (local / CARD).is_file():
        raise UserError(f"{head.repo}: {LINEAGE} and {CARD} did not come back")


def require_not_shown_to_more(trained: Trained) -> None:
    """Raises UserError where listing a private adapter on a public dataset would tell everybody its name and its score."""
    api = HfApi()
    adapter, dataset = trained.adapter.repo, trained.dataset.repo
    with hub_errors(f"looking up {adapter}", adapter, "model"):
        private = api.repo_info(adapter).private
    with hub_errors(f"looking up {dataset}", dataset, "dataset"):
        if private and not api.repo_info(dataset, repo_type="dataset").private:
            raise UserError(f"{adapter} is private and {dataset} is public; make the adapter public and run this again")
