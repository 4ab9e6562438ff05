"""One reader for each format of catalogues, and the formats that are refused."""
