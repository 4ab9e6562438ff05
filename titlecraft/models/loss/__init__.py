"""The loss of an answer from a model's own logits, and the guard that compares every faster computation with it."""
