"""The model that is trained: loading, LoRA, kernels, and the loss of an answer."""
