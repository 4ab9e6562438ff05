"""Benchmarks of `titlecraft verify` on copies of published repos that were tampered with."""
