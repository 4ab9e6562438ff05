"""Streams the growing output of a job. A waiting reader holds no thread."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from local_hub.errors import Busy, HubError
from local_hub.repos.settings import now

# concurrent readers of all jobs; one token may have half of them
_MAX_READERS = 200
_FIRST_PAUSE, _LONGEST_PAUSE, _KEEP_ALIVE = 0.1, 1.0, 30.0  # seconds
_READ_BYTES = 2**20
_MAX_LINE_BYTES = 2**20  # a longer line is split


class Readers:
    """Counts the clients that read the output of a job."""

    def __init__(self) -> None:
        self._by_token: dict[str, int] = {}

    def refuse_more(self, token: str) -> None:
        """Raises Busy if there are too many readers, or too many with this token."""
        if sum(self._by_token.values()) >= _MAX_READERS or self._by_token.get(token, 0) >= _MAX_READERS // 2:
            raise Busy("Too many clients read the output of jobs already: end some of them, then try again")

    async def events(self, token: str, file: Path, is_running: Callable[[], bool]) -> AsyncIterator[str]:
        """Yield each line of the file as a server-sent event until the job has ended and all was read."""
        self._by_token[token] = self._by_token.get(token, 0) + 1
        try:
            async for event in _events(file, is_running):
                yield event
        finally:
            self._by_token[token] -= 1
            if not self._by_token[token]:
                del self._by_token[token]


async def _events(file: Path, is_running: Callable[[], bool]) -> AsyncIterator[str]:
    position, pause, seconds_silent = 0, _FIRST_PAUSE, 0.0
    while True:
        try:
            running = await run_in_threadpool(is_running)  # before reading, or the last lines are missed
        except HubError:  # deleted meanwhile
            running = False
        lines, position, more = await run_in_threadpool(_read, file, position, only_complete=running)
        for line in lines:
            yield f"data: {json.dumps({'data': line, 'timestamp': now()})}\n\n"
        if more:
            continue
        if not running:
            return
        pause = _FIRST_PAUSE if lines else min(pause * 1.5, _LONGEST_PAUSE)
        seconds_silent = 0.0 if lines else seconds_silent + pause
        if seconds_silent > _KEEP_ALIVE:
            yield ": keep-alive\n\n"
            seconds_silent = 0.0
        await asyncio.sleep(pause)


def _read(file: Path, position: int, *, only_complete: bool) -> tuple[list[str], int, bool]:
    """(lines, next position, True if more can be read at once); `only_complete` leaves out a last line without an end."""
    try:
        with file.open("rb") as output:
            output.seek(position)
            block = output.read(_READ_BYTES)
    except FileNotFoundError:
        return [], position, False
    more = len(block) == _READ_BYTES
    if only_complete or more:
        ended = block.rfind(b"\n") + 1
        if ended or len(block) < _MAX_LINE_BYTES:
            block = block[:ended]
    return block.decode(errors="replace").splitlines(), position + len(block), more
