"""Memory, steps and speed of a training, before any weights are loaded."""
