"""Packs the running source code into a reproducible archive: equal source gives equal bytes."""

import gzip
import io
import tarfile
import tomllib
from pathlib import Path

from titlecraft import __version__
from titlecraft.errors import UserError

ROOT = Path(__file__).resolve().parents[3]
NAME = f"titlecraft-{__version__}"


def source_files() -> list[Path]:
    """The files that a wheel is built from, sorted. Raises UserError if Titlecraft does not run from a checkout."""
    project = ROOT / "pyproject.toml"
    if not project.is_file():
        raise UserError(
            "--on hf-jobs sends the source that runs here, and this Titlecraft is no checkout: clone the repository, "
            "pip install -e . and run the command from there"
        )
    wheel = tomllib.loads(project.read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    folders = [ROOT / name for name in [*wheel["packages"], *wheel["force-include"]]]
    files = [
        file
        for folder in folders
        for file in folder.rglob("*")
        if file.is_file() and "__pycache__" not in file.parts and not file.name.startswith(".")
    ]
    return sorted([project, ROOT / "README.md", *files])


def source_archive() -> bytes:
    """A .tar.gz that pip and uv can install, without file times, owners and modes."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for file in source_files():
            entry = tarfile.TarInfo(f"{NAME}/{file.relative_to(ROOT).as_posix()}")
            entry.size = file.stat().st_size
            with file.open("rb") as stream:
                archive.addfile(entry, stream)
    return gzip.compress(packed.getvalue(), mtime=0)
