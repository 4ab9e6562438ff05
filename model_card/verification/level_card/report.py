"""Level card, report: the arithmetic of report.json, and how many rows its predictions have."""

from collections.abc import Iterator

from model_card.verification.lines.checks import Checks, Line
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

TIMINGS = "timings.json"
MEANING = ("group", "unit", "better")  # of a measure, whatever the words are that explain it
WORDS = ("label", "definition", "source")
ROUNDING = 1e-9  # of a sum of a few thousand numbers in float64, in another order


def verify_reports(state: RepoState) -> list[Line]:
    """Every report of an adapter repo that this code can read."""
    lines: list[Line] = []
    for folder in state.readable_reports():
        checks = Checks("card", folder)
        lines += checks.gather(of_report(checks, state, folder))
    return lines


def of_report(checks: Checks, state: RepoState, folder: str) -> Iterator[Line]:
    """Counts of titles, then each measure."""
    import pyarrow.parquet as pq

    record, training = state.report(folder), state.training
    rows = pq.ParquetFile(state.folder / folder / PREDICTIONS).metadata.num_rows
    yield checks.equal(f"titles = rows of {PREDICTIONS}", record.n, rows)
    yield checks.equal("titles asked", record.n, min(record.evaluation.titles, record.titles_available))
    raw = read_file(record.dataset, DATASET_RECORD)
    if raw is not None:
        split = read_record(raw, DatasetRecord, f"{DATASET_RECORD} of {record.dataset}").splits.get(record.split)
        total = record.titles_available + sum(record.excluded.values())
        yield checks.equal("titles available and excluded, of the split's rows", total, split.rows if split else 0)
    for field in ("base_settings", "quantization", "precision"):
        yield checks.equal(f"{field} as trained", getattr(record, field), getattr(training, field))
    yield checks.equal("guards that hold", len(record.guards), sum(one.holds for one in record.guards))
    grounded = record.grounded.measures if record.grounded is not None else []
    for measure in [*record.measures, *record.sampled, *record.also, *grounded]:
        yield from of_measure(checks, record, measure)
    settings = record.evaluation
    asked = {
        "sampled answers": settings.sampled,
        "standard benchmarks": len(settings.also),
        "sources": settings.grounded,
    }
    found = {"sampled answers": record.sampled, "standard benchmarks": record.also, "sources": record.grounded}
    extra = [part for part, measures in found.items() if measures and not asked[part]]
    extra += ["more benchmarks than were asked"] if len(record.also) > len(settings.also) else []
    yield checks.equal("parts that the settings did not ask for", ", ".join(extra) or "none", "none")
    yield checks.not_looked_at("what the guards found", "in the report", "at level predictions only")
    yield from of_definitions(checks, record)
    if (state.folder / folder / TIMINGS).is_file():
        yield checks.not_looked_at(
            TIMINGS, "clock times", "not looked at", "nothing but the run itself could tell them"
        )


def of_definitions(checks: Checks, record: EvaluationRecord) -> Iterator[Line]:
    """What each measure of titlecraft's is said to be, against this code; its words only where the report's code is this one."""
    from evaluation.measures import measures_of

    entries = {entry.name: entry for entry in measures_of(record.evaluation)}
    same = record.code.sources == sources_sha256("evaluation")
    fields = (*MEANING, *WORDS) if same else MEANING
    named = [*record.measures, *record.sampled, *(record.grounded.measures if record.grounded is not None else [])]
    wrong = [
        f"{one.name}: {field} is {getattr(one, field)}, not {getattr(entries[one.name], field)}"
        for one in named if one.name in entries for field in fields if getattr(one, field) != getattr(entries[one.name], field)
    ]  # fmt: skip
    yield checks.equal("what the measures are", "; ".join(wrong) or "as defined", "as defined")
    if not same:
        yield checks.not_looked_at(
            "words that explain the measures", "in the report", "not looked at", "here is other code"
        )


def of_measure(checks: Checks, record: EvaluationRecord, measure: Measure) -> Iterator[Line]:
    """Difference, interval, counts and level of one measure: what one of its numbers says about the others."""
    yield checks.close(f"{measure.label}: difference = after - before", measure.difference, measure.after - measure.before, ROUNDING)  # fmt: skip
    wrong = []
    if not measure.low <= measure.high:
        wrong.append("the interval ends before it begins")
    if measure.wins is not None and measure.wins + measure.ties + measure.losses != measure.n:
        wrong.append("wins, ties and losses are not all titles")
    if abs(measure.level - (1 - record.evaluation.confidence)) > ROUNDING:
        wrong.append("the level is not 1 - confidence")
    if not 0 <= measure.p_value <= measure.p_holm <= 1:
        wrong.append("a corrected p-value lies below the plain one")
    yield checks.equal(f"{measure.label}: {measure.verdict()}", "consistent", "; ".join(wrong) or "consistent")
