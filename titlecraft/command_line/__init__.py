"""The command line: the command, one module per verb, the options of recipes, and the choice of the Hub."""
