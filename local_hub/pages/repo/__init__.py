"""A repo's first page: card, facts, usage."""
