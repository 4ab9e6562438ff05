"""One warm process for the whole session, whatever number of workers runs it: see tests/warm."""

import pytest

from tests.warm.session import Warm

_WARM = pytest.StashKey[Warm]()


def pytest_configure(config: pytest.Config) -> None:
    """Start it, in the process that the workers are started by."""
    if not hasattr(config, "workerinput"):
        config.stash[_WARM] = Warm()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop it."""
    if _WARM in config.stash:
        config.stash[_WARM].stop()
