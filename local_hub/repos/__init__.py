"""Stored repos: git, large files, settings, history; and the store of all repos in one root folder."""
