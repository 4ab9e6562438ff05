"""titlecraft lineage REPO[@REV]: the graph of dataset, adapters and reports on the Hub, checked against each repo's records.

An adapter's training record names its dataset and base. A dataset's adapters are those in its lineage.json and those that the
Hub finds by the `datasets` of their cards. An adapter whose training record does not confirm this is shown as unconfirmed.
"""

from typing import Literal

import msgspec
from huggingface_hub import HfApi

from model_card.lineage.trained import confirm, trained_at
from titlecraft.errors import UserError
from titlecraft.hub.data_revision import data_revision
from titlecraft.hub.errors import hub_errors
from titlecraft.hub.pins import pin, published_pin, read_file
from titlecraft.records import (
    DATASET_RECORD,
    TRAINING_RECORD,
    DatasetRecord,
    Pin,
    Record,
    RepoType,
    Source,
    read_record,
)
from titlecraft.records.export import ExportOrigin, export_origin
from titlecraft.records.lineage import DatasetLineage, Trained
from titlecraft.records.repo_files import EXPORT_RECORD, LINEAGE

SEARCH_LIMIT = 100  # models


class Exported(Record, frozen=True):
    """A model that was exported from an adapter, at the head of its repo; `form` is "merged" or "gguf"."""

    model: Pin
    form: str


class GraphAdapter(Record, frozen=True):
    """An adapter of the graph.

    Args:
        listed: whether the dataset's lineage.json names it.
        problem: why it is unconfirmed; null if its own records confirm it.
    """

    trained: Trained
    listed: bool
    problem: str | None
    exported: list[Exported]


class Lineage(Record, frozen=True):
    """The graph around one dataset.

    Args:
        asked: the repo of the request.
        dataset: the revision of the dataset's data; for an adapter, the revision that it was trained on.
        source: null if the dataset record cannot be read.
        unread: repos whose cards name the dataset but whose records do not, with the reason.
        missing: pinned revisions in records that this Hub does not have or does not show.
    """

    asked: Pin
    dataset: Pin
    source: Source | None
    adapters: list[GraphAdapter]
    unread: dict[str, str]
    missing: list[Pin]
    schema: Literal["titlecraft/lineage-graph/1"] = "titlecraft/lineage-graph/1"


def find_repo(reference: str) -> Pin:
    """Pin NS/NAME[@REV] of a model or a dataset. A `datasets/` or `models/` prefix chooses one. Raises UserError."""
    prefixes: list[tuple[str, RepoType]] = [("datasets/", "dataset"), ("models/", "model")]
    for prefix, type in prefixes:
        if reference.startswith(prefix) and reference.count("/") == 2:
            return pin(reference.removeprefix(prefix), type)
    repo = reference.partition("@")[0]
    types: tuple[RepoType, ...] = ("model", "dataset") if reference.count("/") == 1 else ()
    heads = [head for type in types if (head := published_pin(repo, type))]
    if len(heads) == 2:
        raise UserError(f"{repo} is both a model and a dataset: write models/{reference} or datasets/{reference}")
    return pin(reference, heads[0].type if heads else "model")


def find_lineage(reference: str) -> Lineage:
    """The graph of an adapter or a dataset. Raises UserError: no such repo, no Titlecraft repo, the Hub is unreachable."""
    asked = find_repo(reference)
    return of_dataset(asked, "@" in reference) if asked.type == "dataset" else of_adapter(asked)


def of_adapter(asked: Pin) -> Lineage:
    """The graph of one adapter, or of the adapter that an exported model was made from."""
    exported = exports_among([asked])
    trained = trained_at(exported[0][1].adapter if exported else asked)
    models = heads_of(models_of(trained.dataset.repo))
    head = published_pin(trained.dataset.repo, "dataset")
    listed = read_listed(head) if head else []
    adapter = GraphAdapter(
        trained=trained,
        listed=trained.adapter in [entry.adapter for entry in listed],
        problem=None,
        exported=exports_of(trained, exports_among(models)),
    )
    return graph(asked, trained.dataset, [adapter], {})


def of_dataset(asked: Pin, only_this_revision: bool) -> Lineage:
    """The graph of all adapters that were trained on a dataset, or on this revision of its data only."""
    dataset = data_revision(asked)
    models = models_of(asked.repo)
    exports = exports_among(heads_of(models))
    listed = read_listed(asked)
    adapters = {
        entry.adapter: GraphAdapter(trained=entry, listed=True, problem=confirm(entry), exported=[]) for entry in listed
    }
    unread = {}
    for repo in dict.fromkeys([*(entry.adapter.repo for entry in listed), *models]):
        try:
            head = published_pin(repo, "model")
            trained = trained_at(head) if head else None
        except UserError as error:
            unread[repo] = str(error)
            continue
        if trained and trained.dataset.repo == asked.repo:
            entry = adapters.get(trained.adapter)
            problem = entry.problem if entry else None
            adapters[trained.adapter] = GraphAdapter(
                trained=trained, listed=entry is not None, problem=problem, exported=[]
            )
        elif trained and repo in models:
            unread[repo] = f"its training record names {trained.dataset}"
    shown = [
        msgspec.structs.replace(adapter, exported=exports_of(adapter.trained, exports))
        for adapter in adapters.values()
        if not only_this_revision or adapter.trained.dataset.revision == dataset.revision
    ]
    known = {adapter.trained.adapter.repo for adapter in adapters.values()} | {model.repo for model, _ in exports}
    return graph(asked, dataset, shown, {repo: why for repo, why in unread.items() if repo not in known})


def graph(asked: Pin, dataset: Pin, adapters: list[GraphAdapter], unread: dict[str, str]) -> Lineage:
    """The graph's record, with the pinned revisions that are missing on this Hub."""
    inputs = [pinned for adapter in adapters for pinned in (adapter.trained.dataset, adapter.trained.base)]
    missing = [pinned for pinned in dict.fromkeys([dataset, *inputs]) if not exists(pinned)]
    raw = None if dataset in missing else read_file(dataset, DATASET_RECORD)
    source = read_record(raw, DatasetRecord, f"{DATASET_RECORD} of {dataset}").source if raw else None
    return Lineage(asked=asked, dataset=dataset, source=source, adapters=adapters, unread=unread, missing=missing)


def exists(pinned: Pin) -> bool:
    """Whether the Hub shows this revision to the user's token."""
    try:
        return pin(f"{pinned.repo}@{pinned.revision}", pinned.type) == pinned
    except UserError:
        return False


def read_listed(state: Pin) -> list[Trained]:
    """The adapters in a dataset's lineage.json; none without that file."""
    raw = read_file(state, LINEAGE)
    return [] if raw is None else read_record(raw, DatasetLineage, f"{LINEAGE} of {state}").adapters


def models_of(dataset: str) -> list[str]:
    """Models whose cards name this dataset, found by the Hub's search; SEARCH_LIMIT at most."""
    with hub_errors(f"searching for models of {dataset}", dataset, "dataset"):
        return [model.id for model in HfApi().list_models(filter=f"dataset:{dataset}", limit=SEARCH_LIMIT)]


def heads_of(models: list[str]) -> list[Pin]:
    """The heads of the repos that exist."""
    return [head for repo in models if (head := published_pin(repo, "model"))]


def exports_among(models: list[Pin]) -> list[tuple[Pin, ExportOrigin]]:
    """The models that have an export record, each with the adapter that it was made from."""
    files = ((model, read_file(model, EXPORT_RECORD)) for model in models)
    return [(model, origin) for model, raw in files if raw and (origin := export_origin(raw))]


def exports_of(trained: Trained, exports: list[tuple[Pin, ExportOrigin]]) -> list[Exported]:
    """The exports of this adapter: the revision that was exported has the same training record."""
    return [
        Exported(model=model, form=origin.form)
        for model, origin in exports
        if origin.adapter.repo == trained.adapter.repo and same_adapter(origin.adapter, trained.adapter)
    ]


def same_adapter(a: Pin, b: Pin) -> bool:
    """Whether two revisions of a repo have the same adapter, by its training record."""
    return a == b or read_file(a, TRAINING_RECORD) == read_file(b, TRAINING_RECORD)
