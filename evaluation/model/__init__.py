"""The model while it is evaluated: loading, generating, scoring, and what is finished after a kill."""
