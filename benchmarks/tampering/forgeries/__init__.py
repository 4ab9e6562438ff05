"""Forged contents of published repos, by the part that they change."""
