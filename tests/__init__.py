"""The tests; they mirror the rooms of the house."""

from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[1]
"""The clone."""


def present(value: T | None) -> T:
    """The value, which must not be None."""
    assert value is not None
    return value
