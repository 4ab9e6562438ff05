"""A LoRA adapter on its base: reading, loading, its weights, and the model with zeroed adapter weights."""
