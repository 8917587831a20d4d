"""The embedded default: a world drawn by the program and a network trained on it."""
