"""Batches of the model under evaluation: order, sampling, scoring of sentence orders, and checkpoints."""
