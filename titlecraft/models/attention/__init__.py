"""Attention within packed documents, grouped-query attention for decoding, and tests of what a model's attention uses."""
