"""Checkpoints: written completely or not at all, found by --resume, pushed to a branch."""
