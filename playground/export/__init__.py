"""Export an adapter as a full model: merged weights or GGUF, checked and published."""
