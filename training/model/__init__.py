"""The trained model: loading, LoRA, kernels, and the loss of the answers."""
