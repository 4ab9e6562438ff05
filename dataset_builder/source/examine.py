"""Examine the beginning of every file of a catalogue: which format it has, and whether it is compressed."""

from pathlib import Path

from dataset_builder.source.addresses import is_url, short_names
from dataset_builder.source.catalogue import GZIP_MAGIC, CatalogueFile, Listed, open_file, remote_errors
from dataset_builder.source.foreign_formats import HEAD_BYTES
from dataset_builder.source.readers import choose_reader
from dataset_builder.workers.in_order import InOrder


def examine_files(files: list[Listed], in_order: InOrder) -> list[CatalogueFile]:
    """Examine the beginning of every file. Raises UserError if one cannot be read."""
    names = short_names([file.address for file in files])
    return list(in_order(examine, list(zip(files, names, strict=True))))


def absolute(address: str) -> str:
    """Return an address that is valid in any working directory."""
    return address if is_url(address) else str(Path(address).absolute())


def examine(task: tuple[Listed, str]) -> CatalogueFile:
    """Examine one file, given its short name."""
    file, name = task
    address = absolute(file.address)
    with open_file(address) as stream, remote_errors(address):
        head = stream.read(HEAD_BYTES)
    reader = choose_reader(head, address)
    reader.examine(head, address, len(head) < HEAD_BYTES)
    return CatalogueFile(address, name, file.size, head.startswith(GZIP_MAGIC), reader.name)
