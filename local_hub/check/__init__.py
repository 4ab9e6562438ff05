"""`hub check`: which repos and records are damaged, and moving them out of the way."""
