"""Level card, files: checksums, the adapter, its tokenizer, pictures and pages."""
