"""Level scores: titles, prompts and values computed again from the published answers."""
