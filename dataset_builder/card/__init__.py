"""The card of a dataset repo: text, metadata, pictures."""
