"""What a training and an evaluation give to be published besides their own files: the picture of the lineage, and the card."""

from pathlib import Path

from model_card.build import write_card
from model_card.inputs import Contents, reports
from model_card.lineage.trained import is_about
from titlecraft.cards.lineage_picture import draw_adapter
from titlecraft.records import TRAINING_RECORD, Pin, TrainingRecord, read_record
from titlecraft.records.lineage import result_of
from titlecraft.records.repo_files import LINEAGE_PICTURE


def write_picture_and_card(folder: Path, repo: str, head: Pin | None) -> None:
    """Write assets/lineage.png, then README.md, which shows it, into a folder that is about to be published on `head`."""
    contents = Contents(folder, head)
    raw = contents.read(TRAINING_RECORD)
    if raw is not None:
        record = read_record(raw, TrainingRecord, f"{TRAINING_RECORD} of {repo}")
        there = [one for one in reports(folder, None if contents.new_adapter() else head, repo) if is_about(one, raw)]
        results = [result_of(one, "") for one in there]
        draw_adapter(record.dataset, record.base, repo, results, folder / LINEAGE_PICTURE)
    write_card(folder, repo, head)
