"""`python -m local_hub check`: finds damaged repos and records and moves them away."""
