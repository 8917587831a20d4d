"""The first pass over the images: the nine strongest of every unit."""
