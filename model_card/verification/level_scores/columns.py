"""The columns of predictions.parquet and the arms that they belong to."""

from msgspec import UNSET

from evaluation.measures import measure_names, sampled_measures
from titlecraft.records import EvaluationRecord, column, sampled_arm, tokens_column
from titlecraft.records.evaluation import CLUSTER

ARMS = ("before", "after")


def greedy_arms(record: EvaluationRecord) -> list[str]:
    """The arms with greedy answers: before, after and, if the report has it, grounded."""
    return [*ARMS, *(["grounded"] if record.grounded is not None else [])]


def sampled_columns(record: EvaluationRecord) -> list[str]:
    """The columns with sampled answers; empty if the report has none."""
    return [sampled_arm(arm) for arm in ARMS if record.evaluation.sampled]


def expected_columns(record: EvaluationRecord) -> list[str]:
    """The names of all columns, in order; see evaluation.report.predictions."""
    sampled = {entry.name for entry in sampled_measures(record.evaluation)} if record.evaluation.sampled else set()
    names = ["uid", "title", "prompt", "reference", "reference_tokens"]
    if record.clusters is not UNSET:
        names.append(CLUSTER)
    if record.grounded is not None:
        names += ["grounded_prompt", "grounded_sources"]
    for arm in greedy_arms(record):
        names += [arm, tokens_column(arm)]
    names += sampled_columns(record)
    for name in measure_names(record.evaluation):
        names += [column(name, arm) for arm in greedy_arms(record)]
        names += [column(name, sampled_arm(arm)) for arm in ARMS if name in sampled]
    return names
