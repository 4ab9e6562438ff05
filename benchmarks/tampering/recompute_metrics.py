"""Covers up changed answers like an attacker: recomputes the values of each title, then every number of the report, with our own code."""

from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
from msgspec import UNSET

from evaluation.measures import Written, measures_of, sampled_measures
from evaluation.measures.coverage import ScriptCoverage
from evaluation.readable import not_measured
from evaluation.statistics.all_answers import describe_all
from evaluation.statistics.compare import compare_arms, compare_sampled
from evaluation.titles.draw import Title
from model_card.verification.level_scores.columns import ARMS
from model_card.verification.level_scores.lookup import build_lookup
from model_card.verification.level_scores.measures import outcomes_of
from model_card.verification.level_scores.titles import draw_sample
from model_card.verification.level_scores.values import Answers, ended_answers
from titlecraft.records import PREDICTIONS, REPORT, EvaluationRecord, column, read_record, sampled_arm
from titlecraft.records.evaluation import CLUSTER

drawn: dict[str, list[Title]] = {}  # key of a report -> its titles, which no change of an answer changes


def recompute_metrics(folder: Path) -> None:
    """Rewrite the values in predictions.parquet and the numbers in report.json so that they follow from the answers."""
    for path in folder.glob(f"evaluation/*/{REPORT}"):
        record = read_record(path.read_bytes(), EvaluationRecord, REPORT)
        table = pq.read_table(path.parent / PREDICTIONS)
        rows = table.to_pylist()
        if record.key not in drawn:
            drawn[record.key] = draw_sample(record).titles
        set_values(record, rows, drawn[record.key])
        pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), path.parent / PREDICTIONS, compression="zstd")
        path.write_bytes(with_numbers(record, rows).to_json())


def set_values(record: EvaluationRecord, rows: list[dict[str, Any]], titles: list[Title]) -> None:
    """Set each value of each title that follows from the texts."""
    coverage = ScriptCoverage([row["reference"] for row in rows])
    answers = Answers(record, rows, titles, build_lookup(record, rows), coverage)
    for arm in ARMS:
        for entry in measures_of(record.evaluation):
            if entry.reads is Written and entry.recomputed != "never":
                for row, value in zip(rows, answers.values(entry, arm), strict=True):
                    row[column(entry.name, arm)] = value
        for entry in sampled_measures(record.evaluation) if record.evaluation.sampled else ():
            if entry.recomputed == "from texts":
                for row, value in zip(rows, answers.sampled_values(entry, arm), strict=True):
                    row[column(entry.name, sampled_arm(arm))] = value


def with_numbers(record: EvaluationRecord, rows: list[dict[str, Any]]) -> EvaluationRecord:
    """The record with all numbers that follow from these rows."""
    titles, references = ([row[name] for row in rows] for name in ("title", "reference"))
    outcomes = outcomes_of(record, rows)
    clusters = [row[CLUSTER] for row in rows] if record.clusters is not UNSET else None
    lookup = build_lookup(record, rows)
    left_out = not_measured(outcomes, titles, references, record.evaluation, measures_of(record.evaluation))
    before, after = (ended_answers(rows, arm) for arm in ARMS)
    return msgspec.structs.replace(
        record,
        measures=compare_arms(outcomes, references, record.evaluation, clusters),
        sampled=compare_sampled(outcomes, record.evaluation, clusters),
        not_measured=left_out or UNSET,
        answers=describe_all(before, after, lookup.copies.all_copied_words),
    )
