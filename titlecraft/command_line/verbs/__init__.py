"""One file for each verb of the command line: its arguments, and the straight line of calls behind them."""
