"""A LoRA adapter on its base: reading it, loading it, its weights, and the model with those at zero."""
