"""Level card: what a repo shows against its records, pins and history."""
