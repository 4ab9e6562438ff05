"""A base model: config, files, tokenizer and quantisation, checked before the weights are loaded."""
