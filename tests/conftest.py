"""Starts one warm process for the session, shared by all its workers; see tests/warm.

It starts when this file is imported, before the conftest.py of any room below reads `tests.warm.PYTHON`. The workers of
pytest-xdist inherit the address of the process that started them.
"""

import multiprocessing
import os
from typing import Any

import pytest

from tests.warm.no_tls import share_one_context
from tests.warm.session import ADDRESS, Warm

share_one_context()

WARM_WORKERS = "TITLECRAFT_WARM_WORKERS"  # `make test` sets it
WARM = None if ADDRESS in os.environ else Warm()
multiprocessing.set_executable(os.environ[ADDRESS])  # what a test spawns starts warm


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: list[Any]) -> None:
    """Let the workers of pytest-xdist fork from the warm process too, where all rooms are tested."""
    if WARM and os.environ.get(WARM_WORKERS):
        for spec in specs:
            spec.python = str(WARM.worker)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests first, so that no worker is left with one of them at the end."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the warm process at the end of the session that started it."""
    if WARM:
        WARM.stop()
