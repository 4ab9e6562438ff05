"""Rules that clean texts, and what they need: markup and wrong encodings."""
