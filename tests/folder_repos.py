"""Folders in place of Hub repos, so that a test can load, damage and reload files in one process."""

from pathlib import Path
from typing import Any

from titlecraft.records import Pin

PATCHED = (
    "titlecraft.models.base.files",
    "titlecraft.models.base.config",
    "titlecraft.models.base.tokenizer",
    "titlecraft.models.base.model",
    "training.planning.known_base",
    "evaluation.inputs",
    "titlecraft.models.adapter.read",
    "titlecraft.models.adapter.load",
    "evaluation.lookup.encoders",
)


def pin_of(folder: Path) -> Pin:
    """A pin whose repo is this folder; transformers and PEFT accept a path as a repo's id."""
    return Pin(type="model", repo=str(folder), revision="f" * 40)


def files_of(pinned: Pin) -> list[str]:
    """The paths of the folder's files, as titlecraft.models.base.files.files_of returns them."""
    folder = Path(pinned.repo)
    return sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())


def use_folders(monkeypatch: Any) -> None:
    """Let the loading functions accept folders as repos during a test."""
    from importlib import import_module

    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for name in PATCHED:
        module = import_module(name)
        if hasattr(module, "download"):
            monkeypatch.setattr(module, "download", lambda pinned, patterns=None: Path(pinned.repo))
        if hasattr(module, "open_remote"):
            monkeypatch.setattr(module, "open_remote", lambda pinned, name: (Path(pinned.repo) / name).open("rb"))
        if hasattr(module, "files_of"):
            monkeypatch.setattr(module, "files_of", files_of)
