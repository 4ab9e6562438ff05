"""Rows of a dataset as token ids: reading, tokenising, packing, lengths."""
