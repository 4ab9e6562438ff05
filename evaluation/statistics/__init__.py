"""Differences between two arms: intervals, tests, corpus-level statistics."""
