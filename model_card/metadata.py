"""The card's YAML metadata, rendered from the records."""

from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from model_card.hub_results import HUB, results_of
from model_card.inputs import CardInputs
from model_card.samples import widgets
from titlecraft.cards.merge import Owned
from titlecraft.records import REPORT, BenchmarkResult, EvaluationRecord, Measure, TrainingRecord

TASK = "text-generation"
KEYS = (
    "license",
    "license_name",
    "license_link",
    "base_model",
    "base_model_relation",
    "library_name",
    "pipeline_tag",
    "model-index",
    "widget",
    "co2_eq_emissions",
)
TAGS = ("lora", "sft", "titlecraft", "trl", "unsloth")


def owned(datasets: list[str], tags: list[str] | None = None) -> Owned:
    """The metadata of an adapter card that Titlecraft writes; datasets and tags are also those of the repo's earlier adapter."""
    return Owned(
        frozenset(KEYS),
        {"tags": frozenset([*TAGS, *(tags or [])]), "datasets": frozenset(datasets), "language": frozenset()},
    )


def metrics_tags(record: TrainingRecord) -> list[str]:
    """The tags with which the Hub shows the "Training metrics" of a published run."""
    return [] if record.metrics is None else ["trackio", f"trackio:{HUB}/spaces/{record.metrics}"]


def eval_results(repo: str, report: EvaluationRecord) -> list[EvalResult]:
    """The card's `model-index`: one result of the tuned model for each measure."""
    return [
        EvalResult(
            task_type=TASK,
            task_name="Title to description",
            dataset_type=report.dataset.repo,
            dataset_name=report.dataset.repo.split("/")[1],
            dataset_split=report.split,
            dataset_revision=report.dataset.revision,
            **metric_of(repo, report, measure),
        )
        for measure in report.measures
    ] + [benchmark_result(repo, report, *result) for result in results_of(report) if result[0].task_id is None]


def benchmark_result(repo: str, report: EvaluationRecord, result: BenchmarkResult, measure: Measure) -> EvalResult:
    """A standard benchmark in the `model-index`: one whose dataset is no benchmark of the Hub (else: model_card.hub_results)."""
    return EvalResult(
        task_type=TASK,
        task_name="Standard benchmark",
        dataset_type=result.dataset.repo,
        dataset_name=result.dataset.repo.split("/")[1],
        dataset_config=result.config,
        dataset_split=result.split,
        dataset_revision=result.dataset.revision,
        **metric_of(repo, report, measure),
    )


def metric_of(repo: str, report: EvaluationRecord, measure: Measure) -> dict[str, Any]:
    """A measure and the link to its report, as arguments of EvalResult."""
    return {
        "metric_type": measure.name,
        "metric_name": f"{measure.label} ({measure.unit})",
        "metric_value": measure.after,
        "metric_args": {"before": measure.before, "n": measure.n},
        "source_name": f"Report {report.id}, adapter at {report.adapter.revision[:12]}",
        "source_url": f"{HUB}/{repo}/blob/main/evaluation/{report.id}/{REPORT}",
    }


def emissions_of(record: TrainingRecord) -> dict[str, str | float | None]:
    """The card's `co2_eq_emissions`, in grams; the record must hold metered energy and the country of the grid."""
    cost = record.measured
    return {
        "emissions": cost.co2_eq_grams,
        "source": f"{cost.energy_by}: {cost.energy_kwh} kWh of {cost.energy_of}, metered",
        "training_type": "fine-tuning",
        "geographical_location": cost.country,
        "hardware_used": f"{cost.devices} x {cost.device}",
    }


def metadata(inputs: CardInputs) -> ModelCardData:
    """The metadata of an adapter card. `model-index` and `widget` need an evaluation, `co2_eq_emissions` metered energy."""
    record, report = inputs.training, inputs.report
    licence = {"license": record.licence.id, "license_name": record.licence.name, "license_link": record.licence.link}
    emissions = {"co2_eq_emissions": emissions_of(record)} if record.measured.co2_eq_grams is not None else {}
    results = (
        {"model_name": inputs.repo.split("/")[1], "eval_results": eval_results(inputs.repo, report)} if report else {}
    )
    return ModelCardData(
        **{key: value for key, value in licence.items() if value},
        base_model=record.base.repo,
        base_model_relation="adapter",
        datasets=[record.dataset.repo],
        language=inputs.dataset.languages if inputs.dataset else None,
        library_name="peft",
        pipeline_tag=TASK,
        tags=["lora", "sft", "titlecraft", record.training.backend, *metrics_tags(record)],
        **({"widget": widgets(inputs.rows, report)} if report else {}),
        **emissions,
        **results,
    )
