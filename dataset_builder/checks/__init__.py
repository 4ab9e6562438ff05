"""Checks before, during and after a build."""
