"""Level scores, titles: draws the sample again from the pinned dataset, with the pinned base's tokenizer."""

from collections.abc import Iterator
from typing import Any

from msgspec import UNSET, UnsetType

from evaluation.statistics.compare import BEFORE_CLUSTERS
from evaluation.titles.clusters import describe_clusters
from evaluation.titles.draw import Sample, Title, TokenLimits, draw
from model_card.verification.lines.checks import Checks
from model_card.verification.lines.columns import column_equal
from model_card.verification.lines.line import Line
from titlecraft.hub.pins import read_file
from titlecraft.models.adapter.read import prompt_of
from titlecraft.models.base.config import context_length, load_config
from titlecraft.models.base.tokenizer import load_tokenizer
from titlecraft.records import TRAINING_RECORD, Clusters, EvaluationRecord, TrainingRecord, read_record
from titlecraft.records.evaluation import CLUSTER
from titlecraft.rows.folder import rows_folder


def check_titles(
    checks: Checks, record: EvaluationRecord, rows: list[dict[str, Any]], titles: list[Title]
) -> Iterator[Line]:
    """The sample of titles with their prompts and references. Appends the drawn titles to `titles` for the other checks."""
    sample = draw_sample(record)
    titles.extend(sample.titles)
    yield checks.equal("titles available", record.titles_available, sample.available)
    yield checks.equal("titles excluded", record.excluded, sample.excluded)
    yield checks.equal("references that were cut", record.references_cut, sample.cut())
    unsearched = record.near_not_looked_for or 0
    claim = "descriptions whose near copies were not looked for"
    yield checks.equal(claim, unsearched, sample.near_not_looked_for)
    if record.interval_method != BEFORE_CLUSTERS:  # earlier versions took titles as independent
        derived = describe_clusters(sample.clustering)
        yield checks.equal("clusters of similar titles", known(record.clusters), known(derived))
    columns: dict[str, list[Any]] = {
        "uid": [title.uid for title in titles],
        "title": [title.title for title in titles],
        "prompt": [title.prompt for title in titles],
        "reference": [title.reference for title in titles],
        "reference_tokens": [len(title.reference_tokens) for title in titles],
    }
    if record.clusters is not UNSET and sample.clustering:
        columns[CLUSTER] = sample.clustering.ids
    for name, values in columns.items():
        yield column_equal(checks, f"{name} of every title", [row[name] for row in rows], values)


def known(clusters: Clusters | UnsetType) -> str:
    """Clusters in one line."""
    return "each title by itself" if clusters is UNSET else str(clusters)


def draw_sample(record: EvaluationRecord) -> Sample:
    """The sample for a report's settings. Raises UserError if the dataset or the base does not allow it."""
    training = evaluated_training(record)
    prompt = prompt_of(training)
    tokenizer = load_tokenizer(record.base, prompt)
    context = context_length(load_config(record.base))
    max_length = min(record.base_settings.max_length, context)
    room = TokenLimits(scored=max_length, context=context, new_tokens=record.generation.max_new_tokens)
    data = rows_folder(record.dataset, training.row_settings)
    count, seed = record.evaluation.titles, record.evaluation.seed
    return draw(data, prompt, tokenizer, room, count, seed, name=f"dataset {record.dataset}")


def evaluated_training(record: EvaluationRecord) -> TrainingRecord:
    """The training record of the evaluated adapter. Raises UserError if it is missing or cannot be read."""
    raw = read_file(record.adapter, TRAINING_RECORD)
    return read_record(raw or b"", TrainingRecord, f"{TRAINING_RECORD} of {record.adapter}")
