"""The formats that a catalogue may have. A new one needs its reader, a line here, a test and a line in the docs."""

from dataset_builder.source.formats.columnar import Columnar
from dataset_builder.source.formats.json_documents import JsonDocuments
from dataset_builder.source.formats.json_lines import JsonLines
from dataset_builder.source.formats.python_lines import PythonLines
from dataset_builder.source.formats.tables import Tables
from dataset_builder.source.formats.xml_feed import XmlFeed
from dataset_builder.source.reader import Head, Reader
from titlecraft.settings import Data

READERS: list[Reader] = [Columnar(), JsonDocuments(), PythonLines(), XmlFeed(), Tables(), JsonLines()]
"""The first reader that recognises a file reads it; JSON lines stay last, since that reader takes every file."""


def choose_reader(head: Head, settings: Data) -> Reader:
    """Return the reader for a file with this beginning."""
    return next(reader for reader in READERS if reader.recognises(head, settings))


def reader_named(name: str) -> Reader:
    """Return the reader with this name."""
    return next(reader for reader in READERS if reader.name == name)
