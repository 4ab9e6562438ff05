"""Starts one warm process for the session, shared by all its workers; see tests/warm.

It starts when this file is imported, before the conftest.py of any room below reads `tests.warm.PYTHON`. The workers of
pytest-xdist inherit the address of the process that started them.
"""

import gc
import multiprocessing
import os
from typing import Any

import pytest
from xdist.scheduler import LoadFileScheduling

from tests.warm.no_tls import share_one_context
from tests.warm.session import ADDRESS, Warm

share_one_context()

ONE_WORLD = ("tests/main_job/",)
"""Folders whose tests share a session fixture that takes long: one worker runs them all, so it is computed once."""
WARM_WORKERS = "TITLECRAFT_WARM_WORKERS"  # `make test` sets it
WARM = None if ADDRESS in os.environ else Warm()
multiprocessing.set_executable(os.environ[ADDRESS])  # what a test spawns starts warm


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes(specs: list[Any]) -> None:
    """Let the workers of pytest-xdist fork from the warm process too, where all rooms are tested."""
    if WARM and os.environ.get(WARM_WORKERS):
        for spec in specs:
            spec.python = str(WARM.worker)


def together(nodeid: str) -> str:
    """Return the file or the folder whose tests one worker runs, one after the other."""
    file = nodeid.partition("::")[0]
    return next((folder for folder in ONE_WORLD if file.startswith(folder)), file)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Let `--dist loadfile` keep the files of a folder in ONE_WORLD together too."""
    if config.getoption("dist") != "loadfile":
        return None
    scheduler = LoadFileScheduling(config, log)
    scheduler._split_scope = together
    return scheduler


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that no worker is left with it at the end: folders of ONE_WORLD, then slow files."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: (not together(item.nodeid).endswith("/"), item.path not in slow))


def pytest_collection_finish() -> None:
    """Leave what was collected out of the searches for garbage: thousands of tests, and all libraries that they import."""
    gc.freeze()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the warm process at the end of the session that started it."""
    if WARM:
        WARM.stop()
