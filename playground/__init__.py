"""What comes after the four stages, on top of them: ask, play, sources, space, export, document."""
