"""What measures may look up: other titles, training texts, encoders."""
