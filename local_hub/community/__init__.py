"""Discussions, pull requests, collections and the output of jobs, as they are stored."""
