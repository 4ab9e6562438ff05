"""What a training will need and how long it takes, before any weights are loaded."""
