"""The command line: one command, one file per verb, the options of recipes, and the choice of a Hub."""
