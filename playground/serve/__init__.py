"""An HTTP server with OpenAI's interface: the base and the tuned model as two models, from one loaded base."""
