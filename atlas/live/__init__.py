"""A network written down so that a page can run it: its steps, its numbers, what it must give."""
