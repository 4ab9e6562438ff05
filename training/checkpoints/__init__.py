"""Checkpoints: written whole or not at all, found again by --resume, pushed to a branch."""
