"""The evaluation as tasks and a model of lighteval."""
