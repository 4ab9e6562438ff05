"""The first page of a repo: card, metadata, usage."""
