"""Reads the rows of a dataset: one that `titlecraft build` published, or any dataset of the Hub, converted to the same columns."""
