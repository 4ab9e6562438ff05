"""Copies standard input to a temporary file, because a build reads its source twice: for the rows and for the hash."""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from titlecraft.errors import UserError

STANDARD_INPUT = "-"
NAME = "stdin"


@contextmanager
def kept_standard_input(sources: list[str]) -> Iterator[list[str]]:
    """Yield the sources with `-` replaced by a temporary copy of standard input, which is removed afterwards.

    Raises UserError if nothing is piped in.
    """
    if STANDARD_INPUT not in sources:
        yield sources
        return
    if sys.stdin is None or sys.stdin.isatty():
        raise UserError(
            "-: nothing is piped in; expected a catalogue, for example: zcat part-*.gz | titlecraft build - …"
        )
    with tempfile.TemporaryDirectory(prefix="titlecraft-") as folder:
        path = Path(folder) / NAME
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file, 1 << 20)
        yield [str(path) if source == STANDARD_INPUT else source for source in sources]
