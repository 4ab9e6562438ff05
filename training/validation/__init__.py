"""Validation during training: rows, schedule, score, the best weights, and what the record says of them."""
