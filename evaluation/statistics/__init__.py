"""Statistics of paired differences between two arms: intervals, significance tests, corpus-level scores."""
