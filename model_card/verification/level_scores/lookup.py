"""Level scores, lookup: the titles and training texts that some measures search, prepared for all published answers."""

from typing import Any

from evaluation.lighteval_harness.pipeline import restored_process
from evaluation.lookup.sources import Lookup
from evaluation.progress import Progress
from evaluation.titles.draw import Sample, read_split
from model_card.verification.level_scores.columns import greedy_arms, sampled_columns
from model_card.verification.level_scores.titles import evaluated_training
from titlecraft.records import EvaluationRecord
from titlecraft.rows.folder import rows_folder


def build_lookup(record: EvaluationRecord, rows: list[dict[str, Any]]) -> Lookup:
    """The lookup over titles and training split of the pinned dataset, with all published answers searched and embedded."""
    dataset = rows_folder(record.dataset, evaluated_training(record).row_settings)
    split = read_split(dataset, record.split, ["title"], f"dataset {record.dataset}")
    titles = sorted(set(split["title"].to_pylist()))
    lookup = Lookup.over(dataset, Sample(titles=[], split_titles=titles, available=0, excluded={}), record.evaluation)
    answers = [(row["title"], text, row["reference"]) for row in rows for text in texts_of_row(record, row)]
    progress = Progress()
    with lookup.looking_up(answers, progress):
        if lookup.embedded or lookup.recall:
            with restored_process():
                lookup.encode(answers, progress)
    return lookup


def texts_of_row(record: EvaluationRecord, row: dict[str, Any]) -> list[str]:
    """All answers of a row, greedy ones first."""
    greedy = [row[arm] for arm in greedy_arms(record)]
    return greedy + [text for column in sampled_columns(record) for text in row[column]]
