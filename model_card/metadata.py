"""The card's front matter, as the Hub reads it, from the records alone."""

from huggingface_hub import EvalResult, ModelCardData

from titlecraft.records import EvaluationRecord, TrainingRecord

TASK = "text-generation"


def eval_results(report: EvaluationRecord) -> list[EvalResult]:
    """One result for each measure, of the tuned model, on the pinned split; `model-index` in the card."""
    return [
        EvalResult(
            task_type=TASK,
            task_name="Title to description",
            dataset_type=report.dataset.repo,
            dataset_name=report.dataset.repo.split("/")[1],
            dataset_split=report.split,
            dataset_revision=report.dataset.revision,
            metric_type=measure.name,
            metric_name=f"{measure.label} ({measure.unit})",
            metric_value=measure.after,
            metric_args={"before": measure.before, "n": measure.n},
        )
        for measure in report.measures
    ]


def emissions_of(record: TrainingRecord) -> dict[str, str | float]:
    """`co2_eq_emissions` as the Hub reads it, in grams; from a record with measured energy."""
    cost = record.measured
    return {
        "emissions": cost.co2_eq_grams,
        "source": f"{cost.energy_by}: {cost.energy_kwh} kWh of {cost.energy_of}, metered",
        "training_type": "fine-tuning",
        "geographical_location": cost.country,
        "hardware_used": f"{cost.devices} x {cost.device}",
    }


def metadata(repo: str, record: TrainingRecord, report: EvaluationRecord | None) -> ModelCardData:
    """Front matter of an adapter card. No evaluation, no `model-index`."""
    licence = {"license": record.licence.id, "license_name": record.licence.name, "license_link": record.licence.link}
    emissions = {"co2_eq_emissions": emissions_of(record)} if record.measured.energy_kwh is not None else {}
    results = {"model_name": repo.split("/")[1], "eval_results": eval_results(report)} if report else {}
    return ModelCardData(
        **{key: value for key, value in licence.items() if value},
        base_model=record.base.repo,
        base_model_relation="adapter",
        datasets=[record.dataset.repo],
        language=["en"],
        library_name="peft",
        pipeline_tag=TASK,
        tags=["lora", "sft", "titlecraft", *([record.training.backend])],
        **emissions,
        **results,
    )
