"""Model and dataset cards: merging with what a person wrote, templates, the picture of a lineage."""
