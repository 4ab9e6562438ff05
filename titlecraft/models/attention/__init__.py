"""Attention within the documents of a packed row, attention by groups of rows, and what a model asks of its attention."""
