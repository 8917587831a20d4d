"""Rank correlation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from atlas.data.ranking import ranks


def spearman(one: Sequence[float], other: Sequence[float]) -> float:
    """The correlation of the ranks; 0 where either is the same for all."""
    a, b = (ranks(np.asarray(some, float)).tolist() for some in (one, other))
    mean = (len(a) + 1) / 2
    both = sum((x - mean) * (y - mean) for x, y in zip(a, b, strict=True))
    spread = math.sqrt(sum((x - mean) ** 2 for x in a) * sum((y - mean) ** 2 for y in b))
    return both / spread if spread else 0.0


def interval(r: float, count: int) -> tuple[float, float]:
    """A 95 % interval of a rank correlation of ``count`` pairs (Fieller et al. 1957)."""
    middle = math.atanh(max(-0.999999, min(0.999999, r)))
    half = 1.96 * math.sqrt(1.06 / (count - 3))
    return math.tanh(middle - half), math.tanh(middle + half)
