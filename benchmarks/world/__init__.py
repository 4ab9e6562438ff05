"""Test data and tools of the benchmarks: catalogues, bases, other implementations, and timers."""
