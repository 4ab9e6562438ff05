"""Evaluation: did fine-tuning help, by how much, and how sure are we? Entry point: evaluation.run.evaluate."""
