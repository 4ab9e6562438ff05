"""The git objects and refs of one bare repo."""
