"""A training while it runs: progress, health, metrics and energy."""
