"""The dataset card: text, metadata and plots."""
