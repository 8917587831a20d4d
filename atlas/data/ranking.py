"""Ranks with ties."""

from __future__ import annotations

import numpy as np


def ranks(values: np.ndarray) -> np.ndarray:
    """The rank of each of N values, from 1; equals share the mean of theirs: ``[N]`` float64."""
    _, place, count = np.unique(values, return_inverse=True, return_counts=True)
    ranked: np.ndarray = (np.cumsum(count) - (count - 1) / 2)[place]
    return ranked
