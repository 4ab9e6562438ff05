"""Which levels a repo allows."""

from pathlib import Path

from model_card.verification.repo_state import RepoState
from model_card.verification.run import impossible_levels
from tests.model_card.literal_records import ADAPTER
from titlecraft.records.repo_files import EXPORT_RECORD


def test_an_exported_model_points_to_its_adapter(tmp_path: Path) -> None:
    (tmp_path / EXPORT_RECORD).write_text("{}")
    whys = set(impossible_levels(RepoState.of_folder(ADAPTER, tmp_path)).values())
    assert whys == {
        "an exported model has no training_record.json: verify the adapter that its export_record.json names"
    }
