"""Repeated rows, near-duplicates, and rows that two splits share."""
