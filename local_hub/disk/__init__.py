"""Atomic writes to disk."""
