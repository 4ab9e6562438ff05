"""Runs verbs on Hugging Face Jobs (`--on hf-jobs`)."""
