"""Rows of a dataset as tokens: what is read, how rows become examples, packing and lengths."""
