"""The tests; they mirror the rooms of the house."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The clone."""
