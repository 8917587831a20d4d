"""The first pass: the nine strongest images of every unit."""
