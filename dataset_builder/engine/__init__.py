"""Where the tasks of a build run: in this process, in worker processes, or on Ray."""
