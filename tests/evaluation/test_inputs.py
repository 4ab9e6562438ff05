"""Datasets that an evaluation refuses before any work."""

import msgspec
import pytest

from evaluation import inputs
from evaluation.inputs import require_test_split
from tests.model_card.literal_records import ADAPTER, dataset_record, training_record
from titlecraft.errors import UserError
from titlecraft.models.adapter.read import Adapter
from titlecraft.prompt import PromptFormat
from titlecraft.records import DatasetRecord
from titlecraft.settings import Prompt


def found() -> Adapter:
    return Adapter(ADAPTER, training_record("llama3"), PromptFormat.from_settings(Prompt()), {})


@pytest.mark.parametrize("empty", [False, True])
def test_a_dataset_without_a_test_split_is_refused(empty: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """The split is missing in the record, or has no rows, as in older versions."""
    record = dataset_record()
    splits = {name: split for name, split in record.splits.items() if name != "test"}
    if empty:
        splits["test"] = msgspec.structs.replace(record.splits["test"], rows=0)
    raw = msgspec.structs.replace(record, splits=splits).to_json()
    monkeypatch.setattr(inputs, "read_file", lambda pinned, path: raw)
    with pytest.raises(
        UserError, match=r"has no test split, and an evaluation needs titles .* larger data\.test_share"
    ):
        require_test_split(found())


def test_other_datasets_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dataset with a test split, one without a dataset record, and one of another version."""
    assert isinstance(dataset_record(), DatasetRecord)
    for raw in (dataset_record().to_json(), None, b'{"schema": "titlecraft/dataset/9"}'):
        monkeypatch.setattr(inputs, "read_file", lambda pinned, path, raw=raw: raw)
        require_test_split(found())
