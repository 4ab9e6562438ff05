"""The process: ranks of a distributed run, threads, platform differences, and the output of libraries."""
