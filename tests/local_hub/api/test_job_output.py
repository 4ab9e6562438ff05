"""Many readers of the output of a job: other requests are answered, all readers get every line, and there is a limit."""

import asyncio
import json
from pathlib import Path

import pytest

from local_hub.community import job_output
from local_hub.community.job_output import Readers
from local_hub.errors import Busy, NotFound


async def read(readers: Readers, file: Path, is_running, token: str = "a") -> list[str]:
    events = [event async for event in readers.events(token, file, is_running)]
    return [json.loads(event.removeprefix("data: "))["data"] for event in events if event.startswith("data: ")]


def test_a_hundred_readers_leave_threads_for_others(tmp_path: Path):
    readers, state = Readers(), {"running": True}
    file = tmp_path / "job.log"

    async def run() -> list[list[str]]:
        tasks = [asyncio.create_task(read(readers, file, lambda: state["running"])) for _ in range(100)]
        await asyncio.sleep(0.3)
        for _ in range(20):
            async with asyncio.timeout(1):
                await asyncio.to_thread(int)
                await job_output.run_in_threadpool(int)
        file.write_text("one\ntw")
        await asyncio.sleep(0.3)
        file.write_text("one\ntwo\nthree")
        state["running"] = False
        return await asyncio.gather(*tasks)

    assert asyncio.run(run()) == [["one", "two", "three"]] * 100
    readers.refuse_more("a")  # no reader is counted any more


def test_long_output_comes_in_pieces_and_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(job_output, "_READ_BYTES", 64)
    monkeypatch.setattr(job_output, "_MAX_LINE_BYTES", 64)
    file = tmp_path / "job.log"
    lines = [f"line {number}" for number in range(100)]
    file.write_text("\n".join(lines) + "\n" + "x" * 150 + "\nlast")
    received = asyncio.run(read(Readers(), file, lambda: False))
    assert received[:100] == lines
    assert "".join(received[100:-1]) == "x" * 150
    assert received[-1] == "last"


def test_no_output_and_a_job_that_vanishes(tmp_path: Path):
    def gone() -> bool:
        raise NotFound("Job not found")

    assert asyncio.run(read(Readers(), tmp_path / "none.log", gone)) == []


def test_there_is_a_limit_for_all_and_for_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(job_output, "_MAX_READERS", 4)
    readers = Readers()

    async def run() -> None:
        tasks = [asyncio.create_task(read(readers, tmp_path / "a.log", lambda: True, token)) for token in "aa"]
        await asyncio.sleep(0.05)
        with pytest.raises(Busy, match="already"):
            readers.refuse_more("a")
        readers.refuse_more("b")
        tasks += [asyncio.create_task(read(readers, tmp_path / "a.log", lambda: True, token)) for token in "bc"]
        await asyncio.sleep(0.05)
        with pytest.raises(Busy):
            readers.refuse_more("d")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        readers.refuse_more("a")

    asyncio.run(run())
