"""A dataset of the Hub is loaded from the Hub, even where a folder has its name."""

from pathlib import Path

import pytest

from titlecraft.hub.loaded_path import loaded_path


def test_a_local_folder_of_the_same_name_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from datasets.load import dataset_module_factory

    monkeypatch.chdir(tmp_path)
    assert loaded_path("titlecraft/rows") == "titlecraft/rows"
    (tmp_path / "titlecraft" / "rows").mkdir(parents=True)
    (tmp_path / "titlecraft" / "rows" / "train.csv").write_text("a\n1\n")
    assert loaded_path("titlecraft/rows") == "hf://datasets/titlecraft/rows"
    assert loaded_path("titlecraft/other") == "titlecraft/other"
    asked: list[str] = []

    class Remote:
        def __init__(self, endpoint: str, **options: object) -> None:
            raise ConnectionError(asked.append(endpoint))

    monkeypatch.setattr("datasets.load.HfApi", Remote)
    with pytest.raises(ConnectionError):
        dataset_module_factory(loaded_path("titlecraft/rows"))
    assert asked  # the Hub was asked, and not the folder
    assert dataset_module_factory("titlecraft/rows").module_path.endswith("csv")
