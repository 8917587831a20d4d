"""The pages of the experiments: a module for each, and what all have in common."""
