"""The bytes and the text of source files: addresses, compression, encodings."""
