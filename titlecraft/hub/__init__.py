"""The Hub: pins, publishing, checksums, licences, and one-line messages for errors of its client."""

PUBLIC_HUB = "https://huggingface.co"
"""Address of the public Hub. It stands here because `choose_hub` needs it before any Hub library is imported."""
