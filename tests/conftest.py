"""Starts one warm process for the session, shared by all its workers; see tests/warm.

It starts when this file is imported, before the conftest.py of any room below reads `tests.warm.PYTHON`. The workers of
pytest-xdist inherit the address of the process that started them.
"""

import os

import pytest

from tests.warm.session import ADDRESS, Warm

WARM = None if ADDRESS in os.environ else Warm()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop the warm process at the end of the session that started it."""
    if WARM:
        WARM.stop()
