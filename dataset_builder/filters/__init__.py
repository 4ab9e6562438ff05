"""Optional filters for descriptions that say little about the product, mostly for English book catalogues; one file each."""
