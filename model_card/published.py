"""The lineage picture and the card, which a training and an evaluation publish with their own files."""

from pathlib import Path

from model_card.build import write_card
from model_card.inputs import Contents, reports
from model_card.lineage.trained import is_about
from titlecraft.cards.lineage_picture import draw_adapter
from titlecraft.records import TRAINING_RECORD, Pin, TrainingRecord, read_record
from titlecraft.records.lineage import result_of
from titlecraft.records.repo_files import LINEAGE_PICTURE


def write_picture_and_card(folder: Path, repo: str, head: Pin | None) -> None:
    """Write assets/lineage.png and README.md into a folder that is about to be published on top of `head`."""
    contents = Contents(folder, head)
    raw = contents.read(TRAINING_RECORD)
    if raw is not None:
        record = read_record(raw, TrainingRecord, f"{TRAINING_RECORD} of {repo}")
        candidates = reports(folder, None if contents.new_adapter() else head, repo)
        results = [result_of(report, "") for report in candidates if is_about(report, raw)]
        draw_adapter(record.dataset, record.base, repo, results, folder / LINEAGE_PICTURE)
    write_card(folder, repo, head)
