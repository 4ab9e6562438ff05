"""Search in a split by title and by words."""
