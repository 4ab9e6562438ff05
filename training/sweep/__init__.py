"""A sweep: recipes over one loaded base, by successive halving, judged on the validation split; never on the test split."""
