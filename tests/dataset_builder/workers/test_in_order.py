"""Worker processes: a killed worker ends the build with one line, and invalid numbers of workers are refused."""

import os
import time

import pytest

from dataset_builder.engine.interface import require_engine
from dataset_builder.workers.in_order import worker_processes
from titlecraft.errors import UserError


def die_at_three(number: int) -> int:
    if number == 3:
        os._exit(1)
    return number


def test_a_killed_worker_is_one_line() -> None:
    started = time.monotonic()
    with (
        pytest.raises(UserError, match="a worker process was killed from outside") as refused,
        worker_processes(2) as in_order,
    ):
        list(in_order(die_at_three, range(1000)))
    assert "\n" not in str(refused.value) and time.monotonic() - started < 60


@pytest.mark.parametrize("workers", [0, -1, 1_000_000])
def test_invalid_numbers_of_workers_are_refused(workers: int) -> None:
    with pytest.raises(UserError, match=rf"--workers {workers}: expected 1 to 512 processes"):
        require_engine("local", workers, None)
