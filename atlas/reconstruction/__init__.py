"""Backward projection: one activation, projected back to pixels."""
