"""The page of votes."""
