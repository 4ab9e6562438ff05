"""The output of a job as it grows, for any number of readers: none of them holds a thread while nothing comes."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from local_hub.errors import Busy, HubError
from local_hub.repos.settings import now

# readers at one time, of all jobs together; one token may have half of them
_MOST_READERS = 200
_FIRST_PAUSE, _LONGEST_PAUSE, _KEEP_ALIVE = 0.1, 1.0, 30.0  # seconds
_READ_BYTES = 2**20
_MOST_LINE_BYTES = 2**20  # a longer line is given in pieces


class Readers:
    """Who reads the output of a job at the moment."""

    def __init__(self) -> None:
        self._by_token: dict[str, int] = {}

    def refuse_more(self, token: str) -> None:
        """Raises Busy when there are too many, or too many with this token."""
        if sum(self._by_token.values()) >= _MOST_READERS or self._by_token.get(token, 0) >= _MOST_READERS // 2:
            raise Busy("Too many clients read the output of jobs already: end some of them, then try again")

    async def events(self, token: str, file: Path, is_running: Callable[[], bool]) -> AsyncIterator[str]:
        """Each line of the file as a server-sent event, until the job has ended and everything was read."""
        self._by_token[token] = self._by_token.get(token, 0) + 1
        try:
            async for event in _events(file, is_running):
                yield event
        finally:
            self._by_token[token] -= 1
            if not self._by_token[token]:
                del self._by_token[token]


async def _events(file: Path, is_running: Callable[[], bool]) -> AsyncIterator[str]:
    place, pause, silent = 0, _FIRST_PAUSE, 0.0
    while True:
        try:
            running = await run_in_threadpool(is_running)  # before reading, or the end is missed
        except HubError:  # deleted meanwhile
            running = False
        lines, place, more = await run_in_threadpool(_read, file, place, whole=running)
        for line in lines:
            yield f"data: {json.dumps({'data': line, 'timestamp': now()})}\n\n"
        if more:
            continue
        if not running:
            return
        pause = _FIRST_PAUSE if lines else min(pause * 1.5, _LONGEST_PAUSE)
        silent = 0.0 if lines else silent + pause
        if silent > _KEEP_ALIVE:
            yield ": keep-alive\n\n"
            silent = 0.0
        await asyncio.sleep(pause)


def _read(file: Path, place: int, *, whole: bool) -> tuple[list[str], int, bool]:
    """(lines, where to go on, whether there is more now); `whole` leaves a line that is not ended yet."""
    try:
        with file.open("rb") as output:
            output.seek(place)
            block = output.read(_READ_BYTES)
    except FileNotFoundError:
        return [], place, False
    more = len(block) == _READ_BYTES
    if whole or more:
        ended = block.rfind(b"\n") + 1
        if ended or len(block) < _MOST_LINE_BYTES:
            block = block[:ended]
    return block.decode(errors="replace").splitlines(), place + len(block), more
