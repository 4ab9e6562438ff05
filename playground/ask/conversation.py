"""Answers questions in a terminal, one after another."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any, TextIO

from rich.console import Console

from playground.ask.engine import Engine
from playground.ask.reply import Request, reply
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
    single: bool,
) -> int:
    """Answer each text and return the exit status. An error of one text is printed, and the next text is answered.

    Raises UserError if the text is a `single` one.
    """
    try:
        for text in typed:
            try:
                show_replies(console, reply(engine, index, Request(text, **options)), show_prompt)
            except UserError as error:
                if single:
                    raise
                print(f"error: {error}", file=sys.stderr)
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return INTERRUPTED if single else 0
    return 0
