"""The document about a run, in English and Portuguese."""
