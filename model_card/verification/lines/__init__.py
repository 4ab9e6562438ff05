"""Makes the lines of a verification: a claim, its new derivation and the verdict."""
