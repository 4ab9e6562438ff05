"""The rows of a dataset as stages read them: those of `titlecraft build`, or those of any dataset of the Hub in the same columns."""
