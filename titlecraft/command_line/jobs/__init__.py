"""Verbs on machines of the Hub: Hugging Face Jobs."""
