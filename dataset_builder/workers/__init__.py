"""Worker processes: parallel tasks with results in order."""
