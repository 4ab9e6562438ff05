"""Re-derives every number that a repo shows, in four levels: card, scores, predictions, data."""
