"""Fixtures: a tiny base in a folder that a test may change."""

from pathlib import Path

import pytest

from tests.folder_repos import use_folders
from tests.tiny_world import make_base, train_tokenizer

TOKENIZER = train_tokenizer()


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama that can be trained."""
    folder = tmp_path_factory.mktemp("whole")
    make_base(len(TOKENIZER)).save_pretrained(folder)
    TOKENIZER.save_pretrained(folder)
    return folder


@pytest.fixture
def base(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the tiny base that a test may change."""
    use_folders(monkeypatch)
    folder = tmp_path / "base"
    folder.mkdir()
    for file in whole.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    return folder
