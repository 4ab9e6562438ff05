"""Bases of other kinds than a plain Llama: quantised, of other families, with odd tokenizers, damaged."""
