"""Untrusted data, read within bounds."""
