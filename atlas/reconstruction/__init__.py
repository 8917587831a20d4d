"""The way down: one activation projected back to pixels."""
