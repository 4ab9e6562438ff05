"""Level card, report: checks that the numbers of report.json are consistent and that its predictions have one row per title."""

from collections.abc import Iterator

import pyarrow.parquet as pq

from evaluation.measures import measures_of
from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from titlecraft.hub.pins import read_file
from titlecraft.records import (
    DATASET_RECORD,
    PREDICTIONS,
    DatasetRecord,
    EvaluationRecord,
    Measure,
    read_record,
    sources_sha256,
)
from titlecraft.records.repo_files import TIMINGS

MEANING = ("group", "unit", "better")  # fields of a measure that decide how its numbers are read
WORDING = ("label", "definition", "source")  # fields that only explain it
ROUNDING = 1e-9  # difference of two float64 sums of a few thousand numbers in different order


def verify_reports(state: RepoState) -> list[Line]:
    """Lines about every report of an adapter repo that this code can read."""
    lines: list[Line] = []
    for folder in state.readable_reports():
        checks = Checks("card", folder)
        lines += checks.gather(check_report(checks, state, folder))
    return lines


def check_report(checks: Checks, state: RepoState, folder: str) -> Iterator[Line]:
    """The number of titles, the settings shared with training, then each measure."""
    record, training = state.report(folder), state.training
    rows = pq.ParquetFile(state.folder / folder / PREDICTIONS).metadata.num_rows
    yield checks.equal(f"titles = rows of {PREDICTIONS}", record.n, rows)
    yield checks.equal("titles asked", record.n, min(record.evaluation.titles, record.titles_available))
    raw = read_file(record.dataset, DATASET_RECORD)
    if raw is not None:
        dataset = read_record(raw, DatasetRecord, f"{DATASET_RECORD} of {record.dataset}")
        split = dataset.splits.get(record.split)
        total = record.titles_available + sum(record.excluded.values())
        yield checks.equal("titles available and excluded, of the split's rows", total, split.rows if split else 0)
    for name in ("base_settings", "quantization", "precision"):
        yield checks.equal(f"{name} as trained", getattr(record, name), getattr(training, name))
    yield checks.equal("guards that hold", len(record.guards), sum(guard.holds for guard in record.guards))
    grounded = record.grounded.measures if record.grounded is not None else []
    for measure in [*record.measures, *record.sampled, *record.also, *grounded]:
        yield from check_measure(checks, record, measure)
    yield checks.equal(
        "parts that the settings did not ask for", ", ".join(unrequested_parts(record)) or "none", "none"
    )
    yield checks.not_looked_at("what the guards found", "in the report", "at level predictions only")
    yield from check_definitions(checks, record)
    if (state.folder / folder / TIMINGS).is_file():
        note = "nothing but the run itself could tell them"
        yield checks.not_looked_at(TIMINGS, "clock times", "not looked at", note)


def unrequested_parts(record: EvaluationRecord) -> list[str]:
    """The parts of a report that its own settings do not ask for."""
    settings = record.evaluation
    parts = {
        "sampled answers": (settings.sampled, record.sampled),
        "standard benchmarks": (settings.benchmarks, record.also),
        "sources": (settings.grounded, record.grounded),
    }
    unrequested = [name for name, (requested, present) in parts.items() if present and not requested]
    return unrequested + (["more benchmarks than were asked"] if len(record.also) > len(settings.benchmarks) else [])


def check_definitions(checks: Checks, record: EvaluationRecord) -> Iterator[Line]:
    """The description of each measure is the one in this code. The wording counts only if the report's code is this code."""
    entries = {entry.name: entry for entry in measures_of(record.evaluation)}
    same_code = record.code.sources == sources_sha256("evaluation")
    fields = (*MEANING, *WORDING) if same_code else MEANING
    grounded = record.grounded.measures if record.grounded is not None else []
    wrong = []
    for measure in [*record.measures, *record.sampled, *grounded]:
        for field in fields if measure.name in entries else ():
            claimed, defined = getattr(measure, field), getattr(entries[measure.name], field)
            if claimed != defined:
                wrong.append(f"{measure.name}: {field} is {claimed}, not {defined}")
    yield checks.equal("what the measures are", "; ".join(wrong) or "as defined", "as defined")
    if not same_code:
        claim = "words that explain the measures"
        yield checks.not_looked_at(claim, "in the report", "not looked at", "here is other code")


def ordered(low: object, high: object) -> bool:
    """Whether an interval has both ends in order, or neither of them."""
    if isinstance(low, float) and isinstance(high, float):
        return low <= high
    return low is high


def check_measure(checks: Checks, record: EvaluationRecord, measure: Measure) -> Iterator[Line]:
    """The numbers of one measure are consistent: difference, interval, counts, level and p-values."""
    difference = measure.after - measure.before
    yield checks.close(f"{measure.label}: difference = after - before", measure.difference, difference, ROUNDING)
    wrong = []
    if not ordered(measure.low, measure.high) or not ordered(measure.titles_low, measure.titles_high):
        wrong.append("the interval ends before it begins")
    wins, ties, losses = measure.wins, measure.ties, measure.losses
    if wins is not None and (losses is None or wins + ties + losses != measure.n):
        wrong.append("wins, ties and losses are not all titles")
    if abs(measure.level - (1 - record.evaluation.confidence)) > ROUNDING:
        wrong.append("the level is not 1 - confidence")
    if not 0 <= measure.p_value <= measure.p_holm <= 1:
        wrong.append("a corrected p-value lies below the plain one")
    yield checks.equal(f"{measure.label}: {measure.verdict()}", "consistent", "; ".join(wrong) or "consistent")
