"""Asking a published adapter and its base: question, decoding, sources, answer."""
