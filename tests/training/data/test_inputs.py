"""What a training says of a dataset that cannot be read; the other mistakes are made in tests/docs/test_troubleshooting.py."""

import errno

import datasets
import pytest
from datasets.exceptions import DatasetGenerationError

from titlecraft.records import Pin
from training.data import inputs


def test_a_full_disk_is_not_taken_for_a_broken_dataset(monkeypatch: pytest.MonkeyPatch) -> None:
    def load_dataset(*args: object, **kwargs: object) -> None:
        full = OSError(errno.ENOSPC, "No space left on device", "/disk/a.arrow")
        raise DatasetGenerationError("An error occurred while generating the dataset") from full

    monkeypatch.setattr(inputs, "download", lambda data: None)
    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    with pytest.raises(OSError) as caught:  # the command line says "disk full while writing …"
        inputs.load_train_split(Pin(type="dataset", repo="a/b", revision="0" * 40))
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, "/disk/a.arrow")
