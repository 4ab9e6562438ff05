"""The process that runs: ranks of a distributed run, threads, the machine, and how much libraries print."""
