"""Model and dataset cards: front matter, templates, the lineage picture, and merging with text added by people."""
