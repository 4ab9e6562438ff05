"""The whole path with a real base, SmolLM2-135M-Instruct: `make test-real`."""
