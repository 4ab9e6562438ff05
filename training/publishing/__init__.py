"""A finished training on its way to the Hub: found again, loaded as a user would, published."""
