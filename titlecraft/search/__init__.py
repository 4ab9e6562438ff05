"""Looking up titles and words of a split."""
