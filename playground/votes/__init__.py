"""The page of `titlecraft judge --people`: two anonymous texts, one vote by key."""
