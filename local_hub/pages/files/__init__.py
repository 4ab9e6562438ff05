"""Folders and single files as pages."""
