"""Finds source files (paths, URLs, datasets of the Hub, standard input) and reads their text (compression, encodings)."""
