"""A folder of installed distributions that holds only what some names require."""

from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def closure(names: list[str]) -> dict[str, Distribution]:
    """These distributions, and all that they require here, by canonical name."""
    found: dict[str, Distribution] = {}
    waiting = [canonicalize_name(name) for name in names]
    while waiting:
        if (name := waiting.pop()) not in found:
            found[name] = distribution(name)
            needed = [Requirement(line) for line in found[name].requires or []]
            waiting += [
                canonicalize_name(one.name) for one in needed if not one.marker or one.marker.evaluate({"extra": ""})
            ]
    return found


def only_these(names: list[str], folder: Path) -> Path:
    """A folder like site-packages with links to these distributions and what they require, and to nothing else."""
    folder.mkdir()
    for one in closure(names).values():
        for top in {file.parts[0] for file in one.files or [] if file.parts[0] not in ("..", "__pycache__")}:
            if not (folder / top).exists():
                (folder / top).symlink_to(str(one.locate_file(top)))
    return folder
