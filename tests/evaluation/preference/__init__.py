"""Blind pairwise preference."""
