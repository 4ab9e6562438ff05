"""The formats that a catalogue may have. A new one needs its reader, a line here, a test and a line in the docs."""

from dataset_builder.source.json_lines import JsonLines
from dataset_builder.source.reader import Reader

READERS: list[Reader] = [JsonLines()]
"""The first reader that recognises a file reads it; JSON lines stay last, since that reader takes every file."""


def choose_reader(head: bytes, address: str) -> Reader:
    """Return the reader for a file with these first bytes."""
    return next(reader for reader in READERS if reader.recognises(head, address))


def reader_named(name: str) -> Reader:
    """Return the reader with this name."""
    return next(reader for reader in READERS if reader.name == name)
