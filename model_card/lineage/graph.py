"""titlecraft lineage REPO[@REV]: dataset -> adapter -> report, as it stands on the Hub, confirmed by each thing's own record.

From an adapter, its training record names dataset and base. From a dataset, the adapters are those that its lineage.json
lists and those that the Hub finds by the `datasets` of their cards; one that its own training record does not confirm is
shown, and said to be unconfirmed.
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
from titlecraft.records.lineage import DatasetLineage, Trained
from titlecraft.records.repo_files import EXPORT_RECORD, LINEAGE

MOST_FOUND = 100  # models that the Hub is asked for


class Exported(Record, frozen=True):
    """A model of its own that was made from an adapter, at the head of its repo; `form` is "merged" or "gguf"."""

    model: Pin
    form: str


class Found(Record, frozen=True):
    """An adapter of the graph. `problem` says why it is unconfirmed; null where its own records say what is shown.

    `listed` says whether the dataset's lineage.json names it.
    """

    trained: Trained
    listed: bool
    problem: str | None
    exported: list[Exported]


class Lineage(Record, frozen=True):
    """The graph around one dataset. `source` is null where its record cannot be read.

    Args:
        asked: what the graph was looked up for.
        dataset: the state of the dataset's data; for an adapter, the one that it was trained from.
        unread: repos that the Hub found by their cards and whose records say nothing of the kind, with the reason.
        missing: states that records name and this Hub does not show.
    """

    asked: Pin
    dataset: Pin
    source: Source | None
    adapters: list[Found]
    unread: dict[str, str]
    missing: list[Pin]
    schema: Literal["titlecraft/lineage-graph/1"] = "titlecraft/lineage-graph/1"


class _Export(msgspec.Struct):
    """What of an export record is read here, whatever its version."""

    adapter: Pin
    form: str


def find_repo(reference: str) -> Pin:
    """NS/NAME[@REV] of a model or a dataset, `datasets/` or `models/` in front where both have the name. Raises UserError."""
    prefixes: list[tuple[str, RepoType]] = [("datasets/", "dataset"), ("models/", "model")]
    for prefix, type in prefixes:
        if reference.startswith(prefix) and reference.count("/") == 2:
            return pin(reference.removeprefix(prefix), type)
    repo = reference.partition("@")[0]
    there = [
        found for type in ("model", "dataset") if reference.count("/") == 1 and (found := published_pin(repo, type))
    ]
    if len(there) == 2:
        raise UserError(f"{repo} is both a model and a dataset: write models/{reference} or datasets/{reference}")
    return pin(reference, there[0].type if there else "model")


def find_lineage(reference: str) -> Lineage:
    """The graph around an adapter or a dataset. Raises UserError: no such repo, none of ours, the Hub is gone."""
    asked = find_repo(reference)
    return of_dataset(asked, "@" in reference) if asked.type == "dataset" else of_adapter(asked)


def of_adapter(asked: Pin) -> Lineage:
    """One adapter, what it was made from, its reports, and models that were made from it; or that of an export."""
    exported = exports_among([asked])
    trained = trained_at(exported[0][1].adapter if exported else asked)
    models = heads_of(models_of(trained.dataset.repo))
    head = published_pin(trained.dataset.repo, "dataset")
    listed = read_listed(head) if head else []
    found = Found(
        trained=trained, listed=trained.adapter in [one.adapter for one in listed], problem=None,
        exported=exports_of(trained, exports_among(models)),
    )  # fmt: skip
    return graph(asked, trained.dataset, [found], {})


def of_dataset(asked: Pin, only_this_revision: bool) -> Lineage:
    """Every adapter that was trained from a dataset, or from this state of its data only."""
    dataset = data_revision(asked)
    models = models_of(asked.repo)
    exports = exports_among(heads_of(models))
    listed = read_listed(asked)
    found = {one.adapter: Found(trained=one, listed=True, problem=confirm(one), exported=[]) for one in listed}
    unread = {}
    for repo in dict.fromkeys([*(one.adapter.repo for one in listed), *models]):
        try:
            head = published_pin(repo, "model")
            trained = trained_at(head) if head else None
        except UserError as error:
            unread[repo] = str(error)
            continue
        if trained and trained.dataset.repo == asked.repo:
            known = found.get(trained.adapter)
            problem = known.problem if known else None
            found[trained.adapter] = Found(trained=trained, listed=known is not None, problem=problem, exported=[])
        elif trained and repo in models:
            unread[repo] = f"its training record names {trained.dataset}"
    shown = [
        one for one in found.values() if not only_this_revision or one.trained.dataset.revision == dataset.revision
    ]
    shown = [msgspec.structs.replace(one, exported=exports_of(one.trained, exports)) for one in shown]
    known = {one.trained.adapter.repo for one in found.values()} | {model.repo for model, _ in exports}
    return graph(asked, dataset, shown, {repo: why for repo, why in unread.items() if repo not in known})


def graph(asked: Pin, dataset: Pin, adapters: list[Found], unread: dict[str, str]) -> Lineage:
    """The record, with what of the named states this Hub does not show."""
    named = dict.fromkeys(
        [dataset, *(pinned for one in adapters for pinned in (one.trained.dataset, one.trained.base))]
    )
    missing = [pinned for pinned in named if not is_there(pinned)]
    raw = None if dataset in missing else read_file(dataset, DATASET_RECORD)
    source = read_record(raw, DatasetRecord, f"{DATASET_RECORD} of {dataset}").source if raw else None
    return Lineage(asked=asked, dataset=dataset, source=source, adapters=adapters, unread=unread, missing=missing)


def is_there(pinned: Pin) -> bool:
    """Whether the Hub shows this state to this token."""
    try:
        return pin(f"{pinned.repo}@{pinned.revision}", pinned.type) == pinned
    except UserError:
        return False


def read_listed(state: Pin) -> list[Trained]:
    """The adapters that a dataset's lineage.json lists; none where there is no such file."""
    raw = read_file(state, LINEAGE)
    return [] if raw is None else read_record(raw, DatasetLineage, f"{LINEAGE} of {state}").adapters


def models_of(dataset: str) -> list[str]:
    """Models whose cards name this dataset, by the Hub's search; MOST_FOUND at most."""
    with hub_errors(f"looking for models of {dataset}", dataset, "dataset"):
        return [model.id for model in HfApi().list_models(filter=f"dataset:{dataset}", limit=MOST_FOUND)]


def heads_of(models: list[str]) -> list[Pin]:
    """The heads of those of these repos that are there."""
    return [head for repo in models if (head := published_pin(repo, "model"))]


def exports_among(models: list[Pin]) -> list[tuple[Pin, _Export]]:
    """Those of these models that have an export record, with what it says."""
    found = []
    for model in models:
        raw = read_file(model, EXPORT_RECORD)
        try:
            found += [(model, msgspec.json.decode(raw, type=_Export))] if raw else []
        except msgspec.MsgspecError:
            continue  # another program's file of that name
    return found


def exports_of(trained: Trained, exports: list[tuple[Pin, _Export]]) -> list[Exported]:
    """The exports of this very adapter: the state that an export read has the same training record."""
    ours = []
    for model, export in exports:
        if export.adapter.repo == trained.adapter.repo and same_adapter(export.adapter, trained.adapter):
            ours.append(Exported(model=model, form=export.form))
    return ours


def same_adapter(one: Pin, other: Pin) -> bool:
    """Whether two states of a repo hold the same adapter, by its training record."""
    return one == other or read_file(one, TRAINING_RECORD) == read_file(other, TRAINING_RECORD)
