"""Causal language models and adapters: what training, evaluation and playground share."""
