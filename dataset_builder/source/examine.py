"""Examine the beginning of every file of a catalogue: which format it has, and whether it is compressed."""

from pathlib import Path

from dataset_builder.source.files.addresses import is_url, short_names
from dataset_builder.source.files.catalogue import CatalogueFile, Listed
from dataset_builder.source.files.encodings import UTF_8, is_other_encoding
from dataset_builder.source.files.text import open_text
from dataset_builder.source.formats.columnar import Columnar
from dataset_builder.source.formats.foreign_formats import require_readable
from dataset_builder.source.reader import Head
from dataset_builder.source.readers import choose_reader
from dataset_builder.workers.in_order import InOrder
from titlecraft.settings import Data

HEAD_BYTES = 1 << 18


def examine_files(files: list[Listed], settings: Data, in_order: InOrder) -> list[CatalogueFile]:
    """Examine the beginning of every file. Raises UserError if one cannot be read."""
    names = short_names([file.address for file in files])
    return list(in_order(examine, [(file, name, settings) for file, name in zip(files, names, strict=True)]))


def absolute(address: str) -> str:
    """Return an address that is valid in any working directory."""
    return address if is_url(address) else str(Path(address).absolute())


def examine(task: tuple[Listed, str, Data]) -> CatalogueFile:
    """Examine one file, given its short name and the settings."""
    file, name, settings = task
    address = absolute(file.address)
    head = read_head(address)
    if is_other_encoding(settings.encoding) and not Columnar().recognises(head, settings):
        head = read_head(address, settings.encoding)
    require_readable(head)
    reader = choose_reader(head, settings)
    reader.examine(head, settings)
    return CatalogueFile(address, name, file.size, head.compression is not None, reader.name)


def read_head(address: str, encoding: str = UTF_8) -> Head:
    """Return the beginning of a file's text. Raises UserError if it is damaged."""
    with open_text(address, encoding=encoding) as text:
        data = text.read(HEAD_BYTES)
        return Head(data, len(data) < HEAD_BYTES and not text.cut, address, text.compression)
