"""A base model: its config, files, tokenizer and quantisation, checked before its weights are loaded."""
