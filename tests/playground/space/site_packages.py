"""A site-packages folder with only some distributions and their requirements."""

from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def closure(names: list[str]) -> dict[str, Distribution]:
    """The distributions and their transitive requirements on this machine, by canonical name."""
    distributions: dict[str, Distribution] = {}
    waiting = [canonicalize_name(name) for name in names]
    while waiting:
        if (name := waiting.pop()) not in distributions:
            distributions[name] = distribution(name)
            needed = [Requirement(line) for line in distributions[name].requires or []]
            waiting += [
                canonicalize_name(requirement.name)
                for requirement in needed
                if not requirement.marker or requirement.marker.evaluate({"extra": ""})
            ]
    return distributions


def only_these(names: list[str], folder: Path) -> Path:
    """Create a folder with links to these distributions and their transitive requirements only; returns it."""
    folder.mkdir()
    for package in closure(names).values():
        for top in {file.parts[0] for file in package.files or [] if file.parts[0] not in ("..", "__pycache__")}:
            if not (folder / top).exists():
                (folder / top).symlink_to(str(package.locate_file(top)))
    return folder
