"""Benchmarks of `titlecraft verify` on copies of published repos with random or forged changes."""
