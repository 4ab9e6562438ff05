"""Which code computed a record: versions of the packages, and a sha256 over the source files themselves."""

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from platform import python_version

from titlecraft import __version__
from titlecraft.record import Code


def sources_sha256(stage: str) -> str:
    """sha256 over names and bytes of the ground floor's and a stage's source files."""
    here = Path(__file__).parent
    digest = hashlib.sha256()
    for file in sorted(
        [*here.glob("*.py"), *(here.parent / stage).rglob("*.py"), *(here.parent / stage).rglob("*.jinja")]
    ):
        digest.update(f"{file.relative_to(here.parent)}\0".encode() + file.read_bytes())
    return digest.hexdigest()


def current_code(stage: str, *packages: str) -> Code:
    """Versions of the code that runs now, for a stage (the name of its package); a package that is missing is left out."""
    found = {}
    for package in packages:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return Code(titlecraft=__version__, sources=sources_sha256(stage), python=python_version(), packages=found)
