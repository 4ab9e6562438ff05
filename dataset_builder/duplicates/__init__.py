"""Finds repeated rows and near-duplicates."""
