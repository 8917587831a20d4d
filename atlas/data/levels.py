"""Levels of activation: how often a unit reached each, counted exactly in bounded memory.

Level 0 holds what is not above zero. The others are fixed for all networks, eight to a doubling,
each an eighth wider than its lower bound's power of two: what the upper bits of a float32 say. So
counting needs no range known beforehand, and counts of different images just add up.
"""

from __future__ import annotations

import numpy as np

SHIFT = 20  # of a float32's 23 bits of fraction, three are left: eight levels to a doubling
_LOWEST = (127 - 24) << 3  # 2 ** -24 and less
BELOW = _LOWEST - 1  # what is subtracted from the bits that are left
LEVELS = 1 + (48 << 3)  # up to 2 ** 24 and more


def level_of(values: np.ndarray) -> np.ndarray:
    """The levels of float32 values, int32 of the same shape."""
    bits = np.ascontiguousarray(values, np.float32).view(np.int32) >> SHIFT
    level = np.clip(bits - np.int32(BELOW), 1, LEVELS - 1)
    return np.where(values > 0, level, 0)


def lower_bound(level: int) -> float:
    """The least value of a level above 0."""
    bits = np.array(level + BELOW << SHIFT, np.int32)
    return float(bits.view(np.float32))


def count(level: np.ndarray) -> np.ndarray:
    """How many of N images reached each level: ``[N, U]`` levels to ``[U, LEVELS]`` int32."""
    units = level.shape[1]
    place = level + LEVELS * np.arange(units)
    counts = np.bincount(place.ravel(), minlength=units * LEVELS)
    return counts.astype(np.int32).reshape(units, LEVELS)


def percentile(counts: np.ndarray, share: float) -> int:
    """The level that this share of a unit's images stays below or reaches; counts ``[LEVELS]``."""
    reached = np.cumsum(counts)
    return int(np.searchsorted(reached, share * reached[-1], side="left"))


def trimmed(counts: np.ndarray) -> tuple[int, list[int]]:
    """A unit's counts above level 0 without empty ends: the first level, and the counts from it."""
    filled = np.flatnonzero(counts[1:]) + 1
    if not filled.size:
        return 0, []
    first, last = int(filled[0]), int(filled[-1])
    return first, [int(n) for n in counts[first : last + 1]]
