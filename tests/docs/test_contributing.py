"""CONTRIBUTING.md names existing files, at most four per change, and all rooms."""

import re

import pytest

from tests import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CHANGES = TEXT.partition("## Where to change what")[2]
ROWS = [line.split("|")[1:3] for line in CHANGES.splitlines() if line.startswith("| ") and not line.startswith("| to ")]
PATH = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/?)`")


def paths(text: str) -> list[str]:
    """The paths in backquotes."""
    return [path for path in PATH.findall(text) if "/" in path or path.endswith(".py")]


@pytest.mark.parametrize(("change", "files"), ROWS, ids=[row[0].strip() for row in ROWS])
def test_each_change_names_at_most_four_existing_files(change: str, files: str) -> None:
    named = paths(files)
    assert len(named) <= 4, f"{change.strip()} takes {len(named)} files"
    assert not [path for path in named if not (ROOT / path).exists()]


def test_the_table_has_every_room_and_no_other() -> None:
    table = TEXT.partition("## The rooms")[2].partition("## The rules")[0]
    named = {
        path.rstrip("/") for line in table.splitlines() if line.startswith("| `") for path in paths(line.split("|")[1])
    }
    packages = {file.parent.name for file in ROOT.glob("*/__init__.py")} | {"titlecraft/command_line"}
    assert packages <= named | {"docs"}, packages - named
    assert all((ROOT / path).is_dir() for path in named)


def test_named_subfolders_exist() -> None:
    table = TEXT.partition("## The rooms")[2].partition("## The rules")[0]
    for line in table.splitlines():
        if line.startswith("| `") and line.count("|") >= 3:
            room = paths(line.split("|")[1])[0].rstrip("/")
            for path in PATH.findall(line.split("|")[2]):
                if path.endswith("/"):
                    assert (ROOT / room / path).is_dir() or (ROOT / path).is_dir(), f"{room}: {path}"
