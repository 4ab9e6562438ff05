"""The spread between training seeds, from the published reports of adapters of one recipe."""

from collections.abc import Sequence
from pathlib import Path

from evaluation.side_by_side.published import read_published
from evaluation.side_by_side.seeds import JSON, SeedsRecord, compare_seeds
from evaluation.side_by_side.seeds_page import HTML, render_seeds
from titlecraft.errors import UserError
from titlecraft.hub.pins import read_file
from titlecraft.records import TRAINING_RECORD, Pin, TrainingRecord, read_record


def compare_published_seeds(references: Sequence[str], out: Path) -> SeedsRecord:
    """Compare the published reports and write seeds.json and seeds.html to `out`. Raises UserError, also if a report does not exist."""
    reports = [read_published(reference) for reference in references]
    record = compare_seeds(reports, [training_of(report.record.adapter) for report in reports])
    out.mkdir(parents=True, exist_ok=True)
    (out / JSON).write_bytes(record.to_json())
    (out / HTML).write_text(render_seeds(record), encoding="utf-8")
    return record


def training_of(adapter: Pin) -> TrainingRecord:
    """The training record of an adapter at its pin. Raises UserError if there is none."""
    raw = read_file(adapter, TRAINING_RECORD)
    if raw is None:
        raise UserError(f"{adapter} has no {TRAINING_RECORD}: expected an adapter that `titlecraft train` published")
    return read_record(raw, TrainingRecord, f"{TRAINING_RECORD} of {adapter}")
