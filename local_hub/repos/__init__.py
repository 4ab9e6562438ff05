"""A repo as it is stored: git, large files, settings, history; and all repos under one root."""
