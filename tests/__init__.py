"""Tests, in the same folders as the modules that they test."""

from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

ROOT = Path(__file__).resolve().parents[1]
"""The clone."""


def present(value: T | None) -> T:
    """Return the value, which must not be None."""
    assert value is not None
    return value
