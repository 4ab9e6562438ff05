"""Which titles of the test split are judged: the draw, near-copies of training rows, and prompts with sources."""
