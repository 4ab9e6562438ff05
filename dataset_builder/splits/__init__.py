"""Groups of rows that share a text, and the split of each group."""
