"""What the benchmarks measure with: catalogues, bases, rivals, and a stopwatch."""
