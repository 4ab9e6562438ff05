"""The Hub: pins, publishing, checksums, licences, and errors of its client in one line."""
