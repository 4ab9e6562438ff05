"""Blind pairwise preference between two texts for the same title: a language model or people judge."""
