"""The pinned inputs of an evaluation, and the key that identifies it. Loads no model."""

from dataclasses import dataclass, replace
from typing import Any

import msgspec

from evaluation.measures import fewest_resamples, measure_names, primary_names
from evaluation.titles.draw import SPLIT
from titlecraft.errors import UserError
from titlecraft.hub.pins import find_record, pin, read_file
from titlecraft.models.adapter.read import Adapter, read_adapter
from titlecraft.models.adapter.third_party import Stated
from titlecraft.records import (
    DATASET_RECORD,
    REPORT,
    DatasetRecord,
    EvaluationRecord,
    File,
    Pin,
    current_code,
    digest,
    has_schema,
    read_record,
)
from titlecraft.settings import BM25, Evaluation, Recipe

PROTOCOL_OF_TITLES = 3  # of reports whose intervals take titles as independent
PROTOCOL_OF_CLUSTERS = 4  # of reports whose intervals do not tell few clusters from many
PROTOCOL = 5  # increment it if equal inputs and settings give other numbers for another reason than a package version
PACKAGES = (
    "bitsandbytes",
    "bm25s",
    "datasets",
    "lighteval",
    "matplotlib",
    "numpy",
    "peft",
    "pillow",
    "pyarrow",
    "rouge-score",
    "sacrebleu",
    "scipy",
    "tokenizers",
    "torch",
    "transformers",
)


@dataclass(frozen=True)
class Inputs(Adapter):
    """The pinned inputs of one evaluation; `evaluation` has the recipe's settings with pinned text encoders."""

    evaluation: Evaluation
    key: str

    @property
    def id(self) -> str:
        """Return the name of the report's folder below evaluation/."""
        return self.key[:12]

    @property
    def folder(self) -> str:
        """Return the path of the report's folder in the adapter repo."""
        return f"evaluation/{self.id}"


def read_inputs(adapter: str, recipe: Recipe, stated: Stated | None = None) -> Inputs:
    """Pin and check the inputs of an evaluation. Raise UserError for adapters that cannot be read and invalid recipes.

    `stated` has dataset and base of an adapter that has no training record.
    """
    settings = with_pins(recipe.evaluation)
    known = primary_names(settings)
    if settings.primary not in known:
        raise UserError(f"evaluation.primary is {settings.primary!r}: expected one of {', '.join(known)}")
    if settings.resamples < (fewest := fewest_resamples(settings)):
        raise UserError(
            f"evaluation.resamples is {settings.resamples}: expected at least {fewest}, or no p-value could pass beside those "
            f"of {len(measure_names(settings))} measures at a confidence of {settings.confidence:g}"
        )
    trained = read_adapter(adapter, stated)
    require_test_split(trained)
    key = digest(key_inputs(trained, replace(recipe, evaluation=settings)))
    return Inputs(**vars(trained), evaluation=settings, key=key)


def require_test_split(adapter: Adapter) -> None:
    """Raise UserError, before any work, if the dataset has no test split according to its record."""
    data = adapter.training.dataset
    rows = adapter.training.rows
    if rows is not None and not rows.rows.get(SPLIT):
        raise UserError(
            f"dataset {data} has no {SPLIT} split, and none could be drawn from {rows.rows.get('train', 0):,} rows: train again on "
            "more rows, or with a larger data.test_share"
        )
    raw = read_file(data, DATASET_RECORD)
    if raw is None or not has_schema(raw, DatasetRecord):
        return
    split = read_record(raw, DatasetRecord, f"{DATASET_RECORD} of {data}").splits.get(SPLIT)
    if split is None or not split.rows:
        raise UserError(
            f"dataset {data} has no {SPLIT} split, and an evaluation needs titles that the adapter was not trained on: build "
            "it again with a larger data.test_share and train from that"
        )


def with_pins(settings: Evaluation) -> Evaluation:
    """Return the settings with each encoder as NAMESPACE/NAME@COMMIT. Raise UserError if a repo does not exist."""
    models = {"retriever": settings.retriever, "bertscore": settings.bertscore}
    pins = {name: pin(model, "model") for name, model in models.items() if model not in (BM25, None)}
    return replace(settings, **{name: f"{encoder.repo}@{encoder.revision}" for name, encoder in pins.items()})


def key_inputs(adapter: Adapter, recipe: Recipe) -> dict[str, Any]:
    """Return everything that a report's numbers depend on. Its digest is the report's key, which verification recomputes.

    The sha256 of its weights identifies the adapter, so publishing a report to the repo does not change the key.
    """
    training = adapter.training
    return {
        "stage": "evaluation",
        "protocol": PROTOCOL,
        "dataset": training.dataset,
        "base": training.base,
        "base_settings": training.base_settings,
        "quantization": training.quantization,
        "precision": training.precision,
        "weights": adapter.weights,
        "prompt": adapter.prompt.by_name(),
        "evaluation": recipe.evaluation,
        "generation": recipe.generation,
        "measures": measure_names(recipe.evaluation),
        "code": current_code("evaluation", *PACKAGES),
    }


def published_report(inputs: Inputs, head: Pin) -> EvaluationRecord | None:
    """Return the report that the repo's head already has for this key, or None."""

    def files(record: EvaluationRecord) -> list[File]:
        return [msgspec.structs.replace(file, path=f"{inputs.folder}/{file.path}") for file in record.files]

    return find_record(head, f"{inputs.folder}/{REPORT}", EvaluationRecord, inputs.key, files)
