"""Commits, their changes, and discussions as pages."""
