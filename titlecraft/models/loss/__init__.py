"""The loss of an answer from the model's logits, and checks of faster computations against it."""
