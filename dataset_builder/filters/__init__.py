"""Optional filters on descriptions that say little about the product: one file for each, in English catalogues of books mostly."""
