"""The page of `titlecraft play`: both answers side by side."""
