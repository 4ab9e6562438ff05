"""The Hub: pins, publishing, checksums, licences, and errors of its client in one line."""

PUBLIC_HUB = "https://huggingface.co"
"""Address of the public Hub. It stands here because `choose_hub` needs it before any Hub library is imported."""
