"""Training on a machine of Hugging Face Jobs."""
