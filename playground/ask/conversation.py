"""Answer questions in a terminal, one after another."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, TextIO

from rich.console import Console

from playground.ask.engine import Engine
from playground.ask.reply import Asked, reply
from playground.ask.terminal import show_replies
from titlecraft.errors import UserError
from titlecraft.search.row_index import RowIndex

INTERRUPTED = 130  # exit status of a process that SIGINT ended


def questions(stream: TextIO) -> Iterator[str]:
    """The non-empty lines of a stream; on a terminal, the lines typed at a prompt with history, until Ctrl-D."""
    if not stream.isatty():
        yield from (line for line in stream if line.strip())
        return
    with suppress(ImportError):
        import readline  # noqa: F401 (input() takes its line editing from it)
    print("A title, or a whole question. Ctrl-D ends it.", file=sys.stderr)
    with suppress(EOFError):
        while True:
            yield input("\n> ")


def converse(
    engine: Engine,
    index: RowIndex,
    typed: Iterable[str],
    options: dict[str, Any],
    console: Console,
    show_prompt: bool,
    *,
    one: bool,
) -> int:
    """Answer each text; returns the exit status. A text that cannot be asked is said so, and the next one comes.

    Raises UserError for it where there is only one.
    """
    try:
        for text in typed:
            try:
                show_replies(console, reply(engine, index, Asked(text, **options)), show_prompt)
            except UserError as error:
                if one:
                    raise
                print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED if one else 0
    return 0
