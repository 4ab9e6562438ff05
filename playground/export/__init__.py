"""An adapter as a model of its own: merged weights or GGUF, checked and published."""
