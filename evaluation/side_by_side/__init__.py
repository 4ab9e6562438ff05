"""Two published reports compared."""
