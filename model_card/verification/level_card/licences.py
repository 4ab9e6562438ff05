"""Level card, licences: the licence files of an adapter or an export are those of its base, none more and none less."""

from collections.abc import Iterable
from fnmatch import fnmatch
from pathlib import Path
from tempfile import TemporaryDirectory

from model_card.verification.lines.checks import Checks
from model_card.verification.lines.line import Line
from model_card.verification.repo_state import RepoState
from titlecraft.hub.licence import LEGAL_FILES, copy_legal_files
from titlecraft.hub.pins import read_file
from titlecraft.records import Licence, Pin


def same_licence_files(checks: Checks, state: RepoState, base: Pin, licence: Licence) -> Line:
    """A line that names the licence files that differ from those that the base's licence puts beside an adapter."""
    with TemporaryDirectory() as temporary:
        copy_legal_files(base, licence, Path(temporary))
        of_base = {file.name: file.read_bytes() for file in Path(temporary).iterdir()}
    published = {
        path: read_file(state.pin, path) if state.file(path) is None else state.read(path)
        for path in legal(state.paths)
    }
    different = [name for name in {**of_base, **published} if published.get(name) != of_base.get(name)]
    return checks.equal("licence files are those of the base", ", ".join(different) or "equal", "equal")


def legal(paths: Iterable[str]) -> list[str]:
    """The paths of licence files."""
    return [path for path in paths if any(fnmatch(path, pattern) for pattern in LEGAL_FILES)]
